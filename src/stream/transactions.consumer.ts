import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { OnlineLine, scoreTransactions } from '../scoring/score-transactions.js';
import { PassErrorsOn } from './pass-errors-on.js';
import { StreamSettings } from './stream-settings.js';
import { microBatches, type TopicBatch } from './topic-batch.js';

/** The online line's Kafka door. */
@Controller()
@UseFilters(PassErrorsOn)
export class TransactionsConsumer {
  constructor(
    private readonly line: OnlineLine,
    private readonly settings: StreamSettings,
  ) {}

  @EventPattern<string>('transactions')
  async consume(batch: TopicBatch): Promise<void> {
    const { group, topic, partition } = batch;
    for (const { records, fetchedOffset, nextOffset } of microBatches(batch, this.settings.batchSizeMax)) {
      if (!batch.isCurrent()) return;
      const source = { kind: 'kafka', group, topic, partition, fetchedOffset, nextOffset } as const;
      const outcome = await scoreTransactions(records, source, this.line);
      if (outcome.result === 'offset-moved') return batch.positionMoved();
      batch.committed(nextOffset);
    }
  }
}
