import { demoHistory, WORLD_START_MS } from '../../test/support/demo-history.js';
import { DAY_MS } from '../domain/time.js';
import { Activity } from '../features/activity.js';
import { createFeatureSet } from '../features/catalog.js';
import { computeFeatures } from '../features/compute-features.js';
import { fitPriors } from '../features/priors.js';
import { buildDataset, knownFrauds, maturedLabels } from './dataset.js';

const { schema, transactions, labels } = demoHistory({ seed: 3, customers: 60, days: 14 });
const endMs = WORLD_START_MS + 14 * DAY_MS;
const featureSet = createFeatureSet(schema, fitPriors(schema, transactions, labels, endMs));

test('keeps exactly the rows of the range, in order', async () => {
  const range = { keepFromMs: WORLD_START_MS + 5 * DAY_MS, keepToMs: WORLD_START_MS + 9 * DAY_MS };
  const dataset = await buildDataset(featureSet, transactions, labels, range);
  const wanted = transactions.filter((t) => t.occurredAtMs >= range.keepFromMs && t.occurredAtMs < range.keepToMs);
  expect(dataset.transactions).toEqual(wanted);
  expect(dataset.features.rowCount).toBe(wanted.length);
});

test('each row sees the labels known at its own time, no earlier and no later', async () => {
  const all = { keepFromMs: WORLD_START_MS, keepToMs: endMs };
  const dataset = await buildDataset(featureSet, transactions, labels, all);
  // One row at a time, with the labels applied by hand: the plainest way to say the same.
  const activity = new Activity(featureSet);
  const cells = new Map<string, Parameters<Activity['applyLabel']>[0]>();
  const due = [...labels].sort((a, b) => a.knownAtMs - b.knownAtMs);
  const rows: number[] = [];
  for (const transaction of transactions) {
    while (due.length > 0 && due[0]!.knownAtMs <= transaction.occurredAtMs)
      activity.applyLabel(cells.get(due.shift()!.transactionId)!, 1);
    const { matrix, amountBins } = computeFeatures(featureSet, [transaction], activity);
    const { entities, occurredAtMs, id } = transaction;
    cells.set(id, { entities, occurredAtMs, amountBin: amountBins[0]! });
    rows.push(...matrix.values);
  }
  expect(labels.some((label) => label.knownAtMs < endMs - DAY_MS)).toBe(true);
  expect(Buffer.from(dataset.features.values.buffer).equals(Buffer.from(Float32Array.from(rows).buffer))).toBe(true);
});

test('a label that comes a day later leaves earlier rows as they are and changes later ones', async () => {
  const all = { keepFromMs: WORLD_START_MS, keepToMs: endMs };
  const later = labels.map((label) => ({ ...label, knownAtMs: label.knownAtMs + 4 * DAY_MS }));
  const [a, b] = [
    await buildDataset(featureSet, transactions, labels, all),
    await buildDataset(featureSet, transactions, later, all),
  ];
  const width = featureSet.columns.length;
  const firstKnown = Math.min(...labels.map((label) => label.knownAtMs));
  const before = transactions.findIndex((t) => t.occurredAtMs >= firstKnown) * width;
  expect(a.features.values.subarray(0, before)).toEqual(b.features.values.subarray(0, before));
  expect(a.features.values).not.toEqual(b.features.values);
});

describe('labels mean what they mean in serving', () => {
  const all = { keepFromMs: WORLD_START_MS, keepToMs: endMs };
  const build = (given: typeof labels) => buildDataset(featureSet, transactions, given, all);
  const fraudsIn = ({ activity }: Awaited<ReturnType<typeof build>>): number =>
    activity.evidenceDeltas().reduce((sum, cell) => sum + cell.nFraud, 0);
  const due = labels.filter((label) => label.knownAtMs <= transactions.at(-1)!.occurredAtMs);
  const secondary = schema.entities.length - 1;

  test('a withdrawn fraud is taken off again, and can be called fraud once more', async () => {
    const withdrawn = due.map((label) => ({ ...label, isFraud: false }));
    const [kept, none, again] = [
      await build(due),
      await build([...due, ...withdrawn]),
      await build([...due, ...withdrawn, ...due]),
    ];
    expect(fraudsIn(kept)).toBeGreaterThan(0);
    expect(fraudsIn(none)).toBe(0);
    expect(none.features.values).toEqual((await build([])).features.values);
    expect(again.features.values).toEqual(kept.features.values);
    expect(again.activity.evidenceDeltas()).toEqual(kept.activity.evidenceDeltas());
    expect(new Set([...none.fraudCells.values()].map((cell) => cell.isFraud))).toEqual(new Set([false]));
    expect([...kept.fraudCells.values()].every((cell) => cell.isFraud)).toBe(true);
  });

  test('a later withdrawal shows in the rows after it alone', async () => {
    const later = due.map((label) => ({ ...label, isFraud: false, knownAtMs: label.knownAtMs + 4 * DAY_MS }));
    const [kept, taken] = [await build(due), await build([...later, ...due])];
    const from = transactions.findIndex((t) => t.occurredAtMs >= Math.min(...later.map((label) => label.knownAtMs)));
    const cell = from * featureSet.columns.length;
    expect(taken.features.values.subarray(0, cell)).toEqual(kept.features.values.subarray(0, cell));
    expect(taken.features.values.subarray(cell)).not.toEqual(kept.features.values.subarray(cell));
  });

  test('repeats, and legitimate labels of rows that nobody called fraud, change nothing', async () => {
    const repeated = due.map((label) => ({ ...label, source: 'again', knownAtMs: label.knownAtMs + 60_000 }));
    const legitimate = transactions
      .slice(0, 50)
      .filter((t) => !due.some((label) => label.transactionId === t.id))
      .map((t) => ({ ...due[0]!, transactionId: t.id, isFraud: false, knownAtMs: t.occurredAtMs }));
    const [once, often] = [await build(due), await build([...repeated, ...due, ...legitimate])];
    expect(often.features.values).toEqual(once.features.values);
    expect(often.activity.evidenceDeltas()).toEqual(once.activity.evidenceDeltas());
  });

  test('a label that is faster than its transaction takes effect when that arrives', async () => {
    const early = await build(due.map((label) => ({ ...label, knownAtMs: WORLD_START_MS - DAY_MS })));
    const soon = await build(
      due.map((label) => ({
        ...label,
        knownAtMs: transactions.find((t) => t.id === label.transactionId)!.occurredAtMs + 1,
      })),
    );
    expect(fraudsIn(early)).toBe(secondary * due.length);
    expect(early.features.values).toEqual(soon.features.values);
    expect(early.activity.evidenceDeltas()).toEqual(soon.activity.evidenceDeltas());
  });
});

test('a known fraud counts no earlier than a legitimate row of the same time', () => {
  const rows = [0, 1, 2].map((day) => ({ ...transactions[0]!, id: `${day}`, occurredAtMs: WORLD_START_MS + day * DAY_MS }));
  expect([...maturedLabels(rows, new Set(['0', '2']), WORLD_START_MS + 4 * DAY_MS, 3 * DAY_MS)]).toEqual([1, 0, -1]);
});

test('labels mature by time: fraud when known, legitimate after the delay, unknown before', () => {
  const at = (day: number) => WORLD_START_MS + day * DAY_MS;
  const row = (id: string, day: number) => ({ ...transactions[0]!, id, occurredAtMs: at(day) });
  const label = (transactionId: string, isFraud: boolean, day: number) => ({
    transactionId,
    isFraud,
    type: null,
    source: 't',
    knownAtMs: at(day),
  });
  const rows = [row('fraud', 1), row('old', 1), row('young', 5), row('later', 1), row('withdrawn', 1)];
  const known = [label('fraud', true, 3), label('later', true, 9), label('withdrawn', false, 4), label('withdrawn', true, 2)];
  expect([...maturedLabels(rows, knownFrauds(known, at(6)), at(6), 3 * DAY_MS)]).toEqual([1, 0, -1, 0, 0]);
});
