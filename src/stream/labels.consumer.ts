import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { Label } from '../domain/label.js';
import { type DeadLetter, DeadLetterSink, LabelSink, OffsetStore } from '../scoring/ports.js';
import { readLabel } from './label-message.js';
import { PassErrorsOn } from './pass-errors-on.js';
import type { TopicBatch, TopicRecord } from './topic-batch.js';

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
  ) {}

  @EventPattern<string>('labels')
  async consume(batch: TopicBatch): Promise<void> {
    const { group, topic, partition, position, nextOffset } = batch;
    const { labels, unreadable } = readLabels(batch.records);
    if (labels.length > 0) await this.labels.append(labels);
    if (unreadable.length > 0) await this.deadLetters.keep(unreadable);
    if (!(await this.offsets.advance({ group, topic, partition }, position, nextOffset))) return batch.positionMoved();
    batch.committed();
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
