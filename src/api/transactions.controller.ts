import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiSettings } from './api-settings.js';
import { transactionFilter } from './list-filters.js';
import { found } from './problem.js';
import { Queries } from '../store/queries.js';
import { NoQuery, TransactionId, TransactionQuery, TransactionsBody } from './requests.js';
import { TransactionIntake } from './transaction-intake.js';
import { ZodPipe } from './zod.pipe.js';

@Controller('v1/transactions')
export class TransactionsController {
  constructor(
    private readonly queries: Queries,
    private readonly intake: TransactionIntake,
    private readonly settings: ApiSettings,
  ) {}

  @Post()
  @HttpCode(200)
  decide(@Body(new ZodPipe(TransactionsBody, 422)) body: TransactionsBody, @Query(new ZodPipe(NoQuery)) _query: unknown) {
    return this.intake.decide(body);
  }

  @Get()
  list(@Query(new ZodPipe(TransactionQuery)) query: TransactionQuery) {
    return this.queries.listTransactions(transactionFilter(query, this.settings.schema));
  }

  @Get(':id')
  async one(@Param('id', new ZodPipe(TransactionId)) id: string, @Query(new ZodPipe(NoQuery)) _query: unknown) {
    return found(await this.queries.transaction(id), 'transaction', id);
  }
}
