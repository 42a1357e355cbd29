import { describe, expect, it } from '@jest/globals';
import { TransactionSchemaDefinition } from '../domain/transaction-schema.js';
import { transactionParser } from '../domain/parse-transaction.js';
import {
  type BatchCommit,
  type BatchMemory,
  type CommitResult,
  type DeadLetter,
  DeadLetterSink,
  LabelSink,
  OffsetStore,
  Scorer,
  type ScoringResult,
  ScoringStore,
} from '../scoring/ports.js';
import type { Label } from '../domain/label.js';
import { OnlineLine } from '../scoring/score-transactions.js';
import { LabelsConsumer } from './labels.consumer.js';
import { StreamSettings } from './stream-settings.js';
import type { TopicBatch } from './topic-batch.js';
import { TransactionsConsumer } from './transactions.consumer.js';

const batchOf = (values: readonly string[], isCurrent: () => boolean = () => true) => {
  const calls: string[] = [];
  const batch: TopicBatch = {
    group: 'g',
    topic: 't',
    partition: 2,
    position: 10n,
    nextOffset: BigInt(10 + values.length),
    records: values.map((value, i) => ({
      bytes: Buffer.from(value),
      key: null,
      offset: BigInt(10 + i),
      position: `t/2/${10 + i}`,
    })),
    isCurrent,
    committed: (next) => calls.push(`committed ${next}`),
    positionMoved: () => Promise.resolve(void calls.push('moved')),
  };
  return { batch, calls };
};

describe('TransactionsConsumer', () => {
  class Store extends ScoringStore {
    readonly commits: BatchCommit[] = [];
    result: CommitResult = 'committed';
    override read(): Promise<BatchMemory> {
      return Promise.resolve({ known: new Map(), states: [], evidence: [] });
    }
    override commit(commit: BatchCommit): Promise<CommitResult> {
      this.commits.push(commit);
      return Promise.resolve(this.result);
    }
  }
  class NobodyScored extends Scorer {
    override readonly needs = { featureSet: 'f', lookBackMs: 0 };
    override score(): Promise<ScoringResult> {
      return Promise.resolve({ featureSet: 'f', rows: [], states: [], evidence: [], alerts: [] });
    }
  }
  const schema = TransactionSchemaDefinition.parse({ name: 'plain', description: 'ids', id: 'id' });
  const consumerOf = (store: Store) =>
    new TransactionsConsumer(new OnlineLine(schema, transactionParser(schema), store, new NobodyScored()), new StreamSettings(2));

  it('commits micro-batches whose offsets meet, with unreadable records as dead letters', async () => {
    const store = new Store();
    const { batch, calls } = batchOf(['?', '?', '?']);
    await consumerOf(store).consume(batch);
    expect(store.commits.map(({ source }) => source)).toEqual([
      { kind: 'kafka', group: 'g', topic: 't', partition: 2, fetchedOffset: 10n, nextOffset: 12n },
      { kind: 'kafka', group: 'g', topic: 't', partition: 2, fetchedOffset: 12n, nextOffset: 13n },
    ]);
    expect(store.commits.flatMap(({ deadLetters }) => deadLetters.map(({ record }) => record.position))).toEqual([
      't/2/10',
      't/2/11',
      't/2/12',
    ]);
    expect(calls).toEqual(['committed 12', 'committed 13']);
  });

  it('drops the rest when another consumer moved the position, or took the partition', async () => {
    const store = new Store();
    store.result = 'offset-moved';
    const moved = batchOf(['?', '?', '?']);
    await consumerOf(store).consume(moved.batch);
    expect(moved.calls).toEqual(['moved']);
    expect(store.commits.length).toBe(1);

    store.result = 'committed';
    const taken = batchOf(['?', '?', '?'], () => store.commits.length < 2);
    await consumerOf(store).consume(taken.batch);
    expect(taken.calls).toEqual(['committed 12']);
  });
});

describe('LabelsConsumer', () => {
  it('stores labels and dead letters before it moves the position', async () => {
    const steps: string[] = [];
    class Labels extends LabelSink {
      override append(labels: readonly Label[]): Promise<{ stored: number; unknown: number; unchanged: number }> {
        steps.push(`labels ${labels.map((label) => label.transactionId).join()}`);
        return Promise.resolve({ stored: labels.length, unknown: 0, unchanged: 0 });
      }
    }
    class Dead extends DeadLetterSink {
      override keep(dead: readonly DeadLetter[]): Promise<void> {
        steps.push(`dead ${dead.map(({ record, reason }) => `${record.position} ${reason}`).join()}`);
        return Promise.resolve();
      }
    }
    class Offsets extends OffsetStore {
      position = 10n;
      override open(): Promise<bigint> {
        return Promise.resolve(this.position);
      }
      override advance(_partition: unknown, from: bigint, next: bigint): Promise<boolean> {
        steps.push(`offset ${from} ${next}`);
        if (from !== this.position) return Promise.resolve(false);
        this.position = next;
        return Promise.resolve(true);
      }
    }
    const consumer = new LabelsConsumer(new Labels(), new Dead(), new Offsets(), new StreamSettings());
    const label = JSON.stringify({ transactionId: 'a', isFraud: false, source: 'analyst', knownAt: '2026-01-01T00:00:00Z' });
    const first = batchOf([label, '{']);
    await consumer.consume(first.batch);
    expect(steps).toEqual(['labels a', 'dead t/2/11 message: 1 bytes are not JSON in UTF-8', 'offset 10 12']);
    expect(first.calls).toEqual(['committed 12']);
    const again = batchOf([label]);
    await consumer.consume(again.batch);
    expect(again.calls).toEqual(['moved']);
  });
});
