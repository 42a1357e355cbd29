import { Controller, Get, Query } from '@nestjs/common';
import { Queries } from '../store/queries.js';
import { deadLetterFilter } from './list-filters.js';
import { DeadLetterQuery } from './requests.js';
import { ZodPipe } from './zod.pipe.js';

/** Without their bytes, which may be anything: `surprisal dead-letters list --bytes` prints those. */
@Controller('v1/dead-letters')
export class DeadLettersController {
  constructor(private readonly queries: Queries) {}

  @Get()
  list(@Query(new ZodPipe(DeadLetterQuery)) query: DeadLetterQuery) {
    return this.queries.listDeadLetters(deadLetterFilter(query));
  }
}
