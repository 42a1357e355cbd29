import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import type { TrainingRun } from '../training/ports.js';
import { PostgresTrainingRunStore } from '../store/training-run.store.js';
import { ApiSettings } from './api-settings.js';
import { found } from './problem.js';
import { LastEventId, NoQuery } from './requests.js';
import { ByBody, RunId, TrainingRunBody, TrainingRunQuery } from './training-requests.js';
import { TrainingStream } from './training-stream.js';
import { ZodPipe } from './zod.pipe.js';

/** Training runs of this service's transaction schema. */
@Controller('v1/training-runs')
export class TrainingRunsController {
  constructor(
    private readonly runs: PostgresTrainingRunStore,
    private readonly stream: TrainingStream,
    private readonly settings: ApiSettings,
  ) {}

  /** 202 for a run that waits from now on, 200 for the one that waited already. */
  @Post()
  async start(
    @Body(new ZodPipe(TrainingRunBody, 422)) body: TrainingRunBody,
    @Query(new ZodPipe(NoQuery)) _query: unknown,
    @Res({ passthrough: true }) response: Response,
  ) {
    const { by, why = 'asked for over HTTP', seed } = body;
    const request = { schema: this.settings.schema.name, trigger: 'manual' as const, by, why };
    const { run, isNew } = await this.runs.enqueue({ ...request, ...(seed !== undefined && { seed }) });
    response.status(isNew ? 202 : 200);
    return run;
  }

  @Get()
  list(@Query(new ZodPipe(TrainingRunQuery)) { state, trigger, cursor, limit }: TrainingRunQuery) {
    const narrowed = { ...(state && { state }), ...(trigger && { trigger }), ...(cursor !== undefined && { cursor }) };
    return this.runs.list({ schema: this.settings.schema.name, limit, ...narrowed });
  }

  @Get(':id')
  one(@Param('id', new ZodPipe(RunId)) id: string, @Query(new ZodPipe(NoQuery)) _query: unknown) {
    return this.known(id);
  }

  @Get(':id/events')
  async events(
    @Param('id', new ZodPipe(RunId)) id: string,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Query(new ZodPipe(NoQuery)) _query: unknown,
    @Res() response: Response,
  ) {
    const after = Number(new ZodPipe(LastEventId).transform(lastEventId, { data: 'Last-Event-ID' }) ?? 0);
    await this.known(id);
    await this.stream.serve(id, after, response);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  async cancel(
    @Param('id', new ZodPipe(RunId)) id: string,
    @Body(new ZodPipe(ByBody, 422)) { by }: ByBody,
    @Query(new ZodPipe(NoQuery)) _query: unknown,
  ) {
    await this.known(id);
    return this.runs.cancel(id, by);
  }

  @Post(':id/retry')
  @HttpCode(202)
  async retry(
    @Param('id', new ZodPipe(RunId)) id: string,
    @Body(new ZodPipe(ByBody, 422)) { by }: ByBody,
    @Query(new ZodPipe(NoQuery)) _query: unknown,
  ) {
    await this.known(id);
    return (await this.runs.retry(id, by)).run;
  }

  private async known(id: string): Promise<TrainingRun> {
    const run = await this.runs.run(id);
    return found(run?.schema === this.settings.schema.name ? run : null, 'training run', id);
  }
}
