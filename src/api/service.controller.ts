import { Controller, Get, Headers, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { ApiSettings } from './api-settings.js';
import { LiveStream } from './live-stream.js';
import { openApi } from './openapi.js';
import { Queries } from '../store/queries.js';
import { LastEventId, NoQuery } from './requests.js';
import { ZodPipe } from './zod.pipe.js';

/** What the service is and does at this moment. */
@Controller('v1')
export class ServiceController {
  constructor(
    private readonly queries: Queries,
    private readonly stream: LiveStream,
    private readonly settings: ApiSettings,
  ) {}

  @Get('status')
  status(@Query(new ZodPipe(NoQuery)) _query: unknown) {
    return this.queries.status();
  }

  @Get('stream')
  live(
    @Headers('last-event-id') lastEventId: string | undefined,
    @Query(new ZodPipe(NoQuery)) _query: unknown,
    @Res() response: Response,
  ) {
    return this.stream.serve(new ZodPipe(LastEventId).transform(lastEventId, { data: 'Last-Event-ID' }), response);
  }

  @Get('schema')
  schema(@Query(new ZodPipe(NoQuery)) _query: unknown) {
    return this.settings.schema;
  }

  @Get('openapi.json')
  document(@Query(new ZodPipe(NoQuery)) _query: unknown) {
    return openApi();
  }
}
