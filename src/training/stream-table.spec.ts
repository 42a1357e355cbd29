import { demoHistory, WORLD_START_MS } from '../../test/support/demo-history.js';
import { DAY_MS } from '../domain/time.js';
import { selectRows } from '../domain/feature-matrix.js';
import { estimators } from '../models/registry.js';
import { defaultRange, streamTable, type StreamTableInput } from './stream-table.js';

const history = demoHistory({ seed: 4, customers: 60, days: 24 });
const { schema, transactions, labels } = history;
const at = (day: number): number => WORLD_START_MS + day * DAY_MS;
const delayDays = schema.label!.delayDays;
const input: StreamTableInput = {
  schema,
  transactions,
  labels,
  protocol: 'supervised',
  isByBook: false,
  trainFromMs: at(4),
  trainToMs: at(18 - delayDays),
  testFromMs: at(18),
  testToMs: at(22),
};
const table = (more: Partial<StreamTableInput> = {}) => streamTable({ ...input, ...more }, () => undefined);
const truth = new Set(labels.filter((label) => label.isFraud).map((label) => label.transactionId));
/** Some frauds are reported late: not yet known when the test begins. */
const known = new Set(labels.filter((label) => label.isFraud && label.knownAtMs <= at(18)).map((label) => label.transactionId));
const between = (fromMs: number, toMs: number) => transactions.filter((t) => t.occurredAtMs >= fromMs && t.occurredAtMs < toMs);
const ids = (rows: readonly { id: string }[]): string[] => rows.map(({ id }) => id);

describe('stream table', () => {
  it('splits by time, with the label delay between, and tells the truth', async () => {
    const { parts, labels: said, transactions: kept, features } = await table();
    const idsOf = (rows: Uint32Array): string[] => [...rows].map((row) => kept[row]!.id);
    expect(features.rowCount).toBe(kept.length);
    expect(idsOf(parts.train)).toEqual(ids(between(at(4), at(18 - delayDays))));
    expect(idsOf(parts.test)).toEqual(ids(between(at(18), at(22))));
    const isTraining = (ms: number): boolean => ms < at(18 - delayDays);
    expect([...said]).toEqual(kept.map((t) => ((isTraining(t.occurredAtMs) ? known : truth).has(t.id) ? 1 : 0)));
    expect(kept.some((t) => isTraining(t.occurredAtMs) && truth.has(t.id) && !known.has(t.id))).toBe(true);
  });

  it('one-class learns from rows that were no known fraud, unsupervised from all', async () => {
    const oneClass = await table({ protocol: 'one-class' });
    const unsupervised = await table({ protocol: 'unsupervised' });
    const all = between(at(4), at(18 - delayDays));
    expect(all.some(({ id }) => known.has(id))).toBe(true);
    expect([...oneClass.parts.train].map((row) => oneClass.transactions[row]!.id)).toEqual(
      ids(all.filter(({ id }) => !known.has(id))),
    );
    expect(unsupervised.parts.train).toHaveLength(all.length);
  });

  it('by the book: customers with a fraud since the start, known by then, are not judged', async () => {
    const book = await table({ isByBook: true });
    const judged = new Set([...book.parts.test].map((row) => book.transactions[row]!.id));
    const isKnown = ({ entities, occurredAtMs }: (typeof transactions)[number]): boolean => {
      const day = Math.floor((occurredAtMs - at(18)) / DAY_MS);
      return transactions.some(
        (t) =>
          t.entities[0] === entities[0] &&
          truth.has(t.id) &&
          t.occurredAtMs >= at(4) &&
          t.occurredAtMs < Math.max(at(18 - delayDays), at(18 - delayDays + day)),
      );
    };
    const expected = between(at(18), at(22)).filter((t) => !isKnown(t));
    expect([...judged]).toEqual(ids(expected));
    expect(expected.length).toBeLessThan(between(at(18), at(22)).length);
  });

  it('features are those of the moment: what happens later changes none', async () => {
    const whole = await table();
    const cut = await table({ transactions: transactions.filter((t) => t.occurredAtMs < at(20)), testToMs: at(20) });
    const rows = Array.from({ length: cut.transactions.length }, (_, row) => row);
    expect(selectRows(whole.features, rows).values).toEqual(cut.features.values);
  });

  it("each estimator gets its channel's columns", async () => {
    const { features, featuresOf } = await table();
    const columns = (name: string): string[] => featuresOf(features, estimators[name]!).columns.map((column) => column.name);
    expect(columns('markov-filter')).toEqual(['markov']);
    expect(columns('logistic-regression').length).toBeGreaterThan(columns('flow').length);
    expect(columns('flow')).toEqual(columns('gaussian-mixture'));
    expect(columns('tail')).not.toEqual(columns('flow'));
  });

  it('by default the first 60 % of the time train, up to the delay', () => {
    const [firstMs, lastMs] = [transactions[0]!.occurredAtMs, transactions.at(-1)!.occurredAtMs];
    const range = defaultRange(schema, transactions);
    expect(range.trainFromMs).toBe(firstMs);
    expect((range.testFromMs - firstMs) / (lastMs - firstMs)).toBeCloseTo(0.6, 12);
    expect(range.testFromMs - range.trainToMs).toBe(delayDays * DAY_MS);
    const slow = { ...schema, label: { ...schema.label!, delayDays: 20 } };
    expect(() => defaultRange(slow, transactions)).toThrow(/shorter than the 20 days/);
  });
});
