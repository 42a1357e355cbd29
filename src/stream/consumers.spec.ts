import { describe, expect, it } from '@jest/globals';
import { PlainScorer } from '../../test/support/plain-scorer.js';
import { EvidenceColumns } from '../domain/evidence-columns.js';
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
  type ScoringResult,
  ScoringStore,
} from '../scoring/ports.js';
import type { Label } from '../domain/label.js';
import { OnlineLine } from '../scoring/score-transactions.js';
import { LabelsConsumer } from './labels.consumer.js';
import type { TopicBatch } from './topic-batch.js';
import { TransactionsConsumer } from './transactions.consumer.js';

const batchOf = (values: readonly string[]) => {
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
    committed: (eventMs) => calls.push(`committed ${eventMs ?? 'without a time'}`),
    positionMoved: () => Promise.resolve(void calls.push('moved')),
  };
  return { batch, calls };
};

describe('TransactionsConsumer', () => {
  class Store extends ScoringStore {
    readonly commits: BatchCommit[] = [];
    result: CommitResult = 'committed';
    override read(): Promise<BatchMemory> {
      return Promise.resolve({ known: new Map(), states: [], evidence: EvidenceColumns.of([]) });
    }
    override commit(commit: BatchCommit): Promise<CommitResult> {
      this.commits.push(commit);
      return Promise.resolve(this.result);
    }
  }
  class NobodyScored extends PlainScorer {
    override readonly featureSet = 'f';
    protected override resultOf(): ScoringResult {
      return { featureSet: 'f', rows: [], states: [], evidence: [], alerts: [] };
    }
  }
  const schema = TransactionSchemaDefinition.parse({ name: 'plain', description: 'ids', id: 'id' });
  const consumerOf = (store: Store) =>
    new TransactionsConsumer(new OnlineLine(schema, transactionParser(schema), store, new NobodyScored()));

  it('commits a batch by its fence, with unreadable records as dead letters', async () => {
    const store = new Store();
    const { batch, calls } = batchOf(['?', '?', '?']);
    await consumerOf(store).consume(batch);
    expect(store.commits.map(({ source }) => source)).toEqual([
      { kind: 'kafka', group: 'g', topic: 't', partition: 2, fetchedOffset: 10n, nextOffset: 13n },
    ]);
    expect(store.commits.flatMap(({ deadLetters }) => deadLetters.map(({ record }) => record.position))).toEqual([
      't/2/10',
      't/2/11',
      't/2/12',
    ]);
    expect(calls).toEqual(['committed without a time']);
  });

  it('says when another consumer moved the position', async () => {
    const store = new Store();
    store.result = 'offset-moved';
    const { batch, calls } = batchOf(['?', '?', '?']);
    await consumerOf(store).consume(batch);
    expect(calls).toEqual(['moved']);
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
      override positions(): Promise<never> {
        throw new Error('only one partition is moved here');
      }
      override advance(_partition: unknown, from: bigint, next: bigint): Promise<boolean> {
        steps.push(`offset ${from} ${next}`);
        if (from !== this.position) return Promise.resolve(false);
        this.position = next;
        return Promise.resolve(true);
      }
    }
    const consumer = new LabelsConsumer(new Labels(), new Dead(), new Offsets());
    const label = JSON.stringify({ transactionId: 'a', isFraud: false, source: 'analyst', knownAt: '2026-01-01T00:00:00Z' });
    const first = batchOf([label, '{']);
    await consumer.consume(first.batch);
    expect(steps).toEqual(['labels a', 'dead t/2/11 message: 1 bytes are not JSON in UTF-8', 'offset 10 12']);
    expect(first.calls).toEqual(['committed without a time']);
    const again = batchOf([label]);
    await consumer.consume(again.batch);
    expect(again.calls).toEqual(['moved']);
  });
});
