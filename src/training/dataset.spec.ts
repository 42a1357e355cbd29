import { DAY_MS, demoHistory, WORLD_START_MS } from '../../test/support/demo-history.js';
import { Activity } from '../features/activity.js';
import { createFeatureSet } from '../features/catalog.js';
import { computeFeatures } from '../features/compute-features.js';
import { fitPriors } from '../features/priors.js';
import { buildDataset, maturedLabels } from './dataset.js';

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
  expect([...maturedLabels(rows, known, at(6), 3 * DAY_MS)]).toEqual([1, 0, -1, 0, 0]);
});
