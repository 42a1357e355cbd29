import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { ScoredTransaction } from '../domain/scored-transaction.js';
import { OnlineLine, scoreTransactions } from '../scoring/score-transactions.js';
import { PassErrorsOn } from './pass-errors-on.js';
import type { TopicBatch } from './topic-batch.js';

/** The online line's Kafka door. */
@Controller()
@UseFilters(PassErrorsOn)
export class TransactionsConsumer {
  constructor(private readonly line: OnlineLine) {}

  @EventPattern<string>('transactions')
  async consume(batch: TopicBatch): Promise<void> {
    const { group, topic, partition, position, nextOffset, records } = batch;
    const source = { kind: 'kafka', group, topic, partition, fetchedOffset: position, nextOffset } as const;
    const outcome = await scoreTransactions(records, source, this.line);
    if (outcome.result === 'offset-moved') return batch.positionMoved();
    batch.committed(outcome.scored.reduce<number | undefined>(laterOf, undefined));
  }
}

const laterOf = (latestMs: number | undefined, { transaction }: ScoredTransaction): number =>
  Math.max(latestMs ?? -Infinity, transaction.occurredAtMs);
