import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ModelRegistry } from '../store/model-registry.js';
import { VersionComparer } from '../training/ports.js';
import { ApiSettings } from './api-settings.js';
import { found } from './problem.js';
import { NoQuery } from './requests.js';
import {
  ByBody,
  CompareQuery,
  ModelQuery,
  ModelVersionName,
  PromoteBody,
  RetireBody,
  RoleChangeQuery,
} from './training-requests.js';
import { ZodPipe } from './zod.pipe.js';

const name = new ZodPipe(ModelVersionName);
const asked = ({ by, why = 'asked for over HTTP' }: ByBody) => ({ by, why });

/** Stored model versions of this service's transaction schema, and their roles. */
@Controller('v1/models')
export class ModelsController {
  constructor(
    private readonly registry: ModelRegistry,
    private readonly comparer: VersionComparer,
    private readonly settings: ApiSettings,
  ) {}

  @Get()
  list(@Query(new ZodPipe(ModelQuery)) { state, cursor, limit }: ModelQuery) {
    const narrowed = { ...(state && { state }), ...(cursor !== undefined && { cursor }) };
    return this.registry.list({ schema: this.schema, limit, ...narrowed });
  }

  /** Before `:version`, which would take it for one. */
  @Get('changes')
  async changes(@Query(new ZodPipe(RoleChangeQuery)) { limit }: RoleChangeQuery) {
    return { items: await this.registry.changes(this.schema, null, limit), nextCursor: null };
  }

  @Get(':version')
  async one(@Param('version', name) version: string, @Query(new ZodPipe(NoQuery)) _query: unknown) {
    const model = await this.registry.one(version);
    return found(model?.schema === this.schema ? model : null, 'model version', version);
  }

  @Get(':a/compare/:b')
  compare(@Param('a', name) a: string, @Param('b', name) b: string, @Query(new ZodPipe(CompareQuery)) { days }: CompareQuery) {
    return this.comparer.compare(a, b, days);
  }

  @Post('rollback')
  @HttpCode(200)
  rollback(@Body(new ZodPipe(ByBody, 422)) body: ByBody, @Query(new ZodPipe(NoQuery)) _query: unknown) {
    return this.registry.rollback(this.schema, asked(body));
  }

  @Post(':version/promote')
  @HttpCode(200)
  promote(
    @Param('version', name) version: string,
    @Body(new ZodPipe(PromoteBody, 422)) body: PromoteBody,
    @Query(new ZodPipe(NoQuery)) _query: unknown,
  ) {
    return this.registry.promote(this.schema, version, asked(body), body.expectedEpoch);
  }

  @Post(':version/challenge')
  @HttpCode(200)
  challenge(
    @Param('version', name) version: string,
    @Body(new ZodPipe(ByBody, 422)) body: ByBody,
    @Query(new ZodPipe(NoQuery)) _query: unknown,
  ) {
    return this.registry.challenge(this.schema, version, asked(body));
  }

  @Post(':version/relieve')
  @HttpCode(200)
  relieve(
    @Param('version', name) version: string,
    @Body(new ZodPipe(ByBody, 422)) body: ByBody,
    @Query(new ZodPipe(NoQuery)) _query: unknown,
  ) {
    return this.registry.relieve(this.schema, version, asked(body));
  }

  @Post(':version/retire')
  @HttpCode(200)
  retire(
    @Param('version', name) version: string,
    @Body(new ZodPipe(RetireBody, 422)) body: RetireBody,
    @Query(new ZodPipe(NoQuery)) _query: unknown,
  ) {
    return this.registry.retire(this.schema, version, asked(body), body.dropArtifact);
  }

  private get schema(): string {
    return this.settings.schema.name;
  }
}
