import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiSettings } from './api-settings.js';
import { alertFilter } from './list-filters.js';
import { found } from './problem.js';
import { Queries } from '../store/queries.js';
import { AlertId, AlertQuery, NoQuery } from './requests.js';
import { ZodPipe } from './zod.pipe.js';

@Controller('v1/alerts')
export class AlertsController {
  constructor(
    private readonly queries: Queries,
    private readonly settings: ApiSettings,
  ) {}

  @Get()
  list(@Query(new ZodPipe(AlertQuery)) query: AlertQuery) {
    return this.queries.listAlerts(alertFilter(query, this.settings.schema));
  }

  @Get(':id')
  async one(@Param('id', new ZodPipe(AlertId)) id: string, @Query(new ZodPipe(NoQuery)) _query: unknown) {
    return found(await this.queries.alert(id), 'alert', id);
  }
}
