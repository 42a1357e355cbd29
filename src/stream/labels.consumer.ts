import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { Label } from '../domain/label.js';
import { type DeadLetter, DeadLetterSink, LabelSink, OffsetStore } from '../scoring/ports.js';
import { readLabel } from './label-message.js';
import { PassErrorsOn } from './pass-errors-on.js';
import { StreamSettings } from './stream-settings.js';
import { microBatches, type TopicBatch, type TopicRecord } from './topic-batch.js';

/**
 * What became known of transactions. Labels and dead letters are stored before the position moves and storing them twice
 * changes nothing, so a crash in between only repeats work.
 */
@Controller()
@UseFilters(PassErrorsOn)
export class LabelsConsumer {
  constructor(
    private readonly labels: LabelSink,
    private readonly deadLetters: DeadLetterSink,
    private readonly offsets: OffsetStore,
    private readonly settings: StreamSettings,
  ) {}

  @EventPattern<string>('labels')
  async consume(batch: TopicBatch): Promise<void> {
    const { group, topic, partition } = batch;
    for (const { records, fetchedOffset, nextOffset } of microBatches(batch, this.settings.batchSizeMax)) {
      if (!batch.isCurrent()) return;
      const { labels, unreadable } = readLabels(records);
      if (labels.length > 0) await this.labels.append(labels);
      if (unreadable.length > 0) await this.deadLetters.keep(unreadable);
      if (!(await this.offsets.advance({ group, topic, partition }, fetchedOffset, nextOffset))) return batch.positionMoved();
      batch.committed(nextOffset);
    }
  }
}

const readLabels = (records: readonly TopicRecord[]) => {
  const labels: Label[] = [];
  const unreadable: DeadLetter[] = [];
  for (const record of records) {
    const read = readLabel(record.bytes);
    if (read.ok) labels.push(read.label);
    else unreadable.push({ record, reason: read.reason });
  }
  return { labels, unreadable };
};
