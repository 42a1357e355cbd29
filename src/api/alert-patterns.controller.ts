import { Controller, Get, Query } from '@nestjs/common';
import { Queries } from '../store/queries.js';
import { alertPatternFilter } from './list-filters.js';
import { AlertPatternQuery } from './requests.js';
import { ZodPipe } from './zod.pipe.js';

@Controller('v1/alert-patterns')
export class AlertPatternsController {
  constructor(private readonly queries: Queries) {}

  @Get()
  list(@Query(new ZodPipe(AlertPatternQuery)) query: AlertPatternQuery) {
    return this.queries.alertPatterns(alertPatternFilter(query));
  }
}
