import { Controller, Get, Query } from '@nestjs/common';
import { DriftStore } from '../store/drift.store.js';
import { ApiSettings } from './api-settings.js';
import { DriftQuery } from './drift-requests.js';
import { ZodPipe } from './zod.pipe.js';

/** What has drifted since the champion was trained. */
@Controller('v1/drift')
export class DriftController {
  constructor(
    private readonly drift: DriftStore,
    private readonly settings: ApiSettings,
  ) {}

  @Get()
  latest(@Query(new ZodPipe(DriftQuery)) { days }: DriftQuery) {
    return this.drift.view(this.settings.schema.name, days);
  }
}
