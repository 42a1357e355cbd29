import { type FeatureMatrix, featureMatrix, numericColumn, selectColumns, selectRows } from '../../domain/feature-matrix.js';
import { createRandom } from '../../domain/random.js';
import { createSimdBackend } from '../../tensor/simd.js';
import { decodeArtifacts, encodeArtifacts } from '../artifact.js';
import type { Detector } from '../detector.js';
import { convolutionalNetwork } from './convolutional-network.js';
import { logisticRegression } from './logistic-regression.js';
import { recurrentNetwork } from './recurrent-network.js';
import { sequenceColumnsOf } from './sequence-inputs.js';

const LAGS = 4;
const backend = createSimdBackend();
const contextOf = (parameters = {}) => ({ random: createRandom(1), backend, parameters });
const columns = [
  ...Array.from({ length: LAGS }, (_, i) => [`lag${LAGS - i}_gap`, `lag${LAGS - i}_log_amount`]).flat(),
  'lag0_gap',
  'log_amount',
].map((name) => numericColumn(name));
const amountAt = (lag: number): number =>
  columns.findIndex(({ name }) => name === (lag === 0 ? 'log_amount' : `lag${lag}_log_amount`));

/** Fraud is the payment after three that rose; nothing else tells it. Some rows have a short history. */
const draw = (rowCount: number, seed: number): { features: FeatureMatrix; labels: Uint8Array } => {
  const random = createRandom(seed);
  const labels = new Uint8Array(rowCount);
  const rows = Array.from({ length: rowCount }, (_, r) => {
    const row = columns.map(() => random.normal());
    const known = random.uniform() < 0.2 ? random.integer(LAGS) : LAGS;
    for (let lag = LAGS; lag > known; lag -= 1) row.fill(NaN, 2 * (LAGS - lag), 2 * (LAGS - lag) + 2);
    const rose = row[amountAt(3)]! < row[amountAt(2)]! && row[amountAt(2)]! < row[amountAt(1)]!;
    labels[r] = random.uniform() < (rose ? 0.9 : 0.01) ? 1 : 0;
    return row;
  });
  return { features: featureMatrix(columns, Float32Array.from(rows.flat())), labels };
};

const auroc = (scores: Float64Array, labels: Uint8Array): number => {
  const order = [...scores.keys()].sort((a, b) => scores[a]! - scores[b]!);
  const frauds = labels.reduce((sum, label) => sum + label, 0);
  let rankSum = 0;
  order.forEach((row, rank) => (rankSum += labels[row] === 1 ? rank + 1 : 0));
  return (rankSum - (frauds * (frauds + 1)) / 2) / (frauds * (labels.length - frauds));
};

const train = draw(6000, 1);
const test = draw(2000, 2);
const networks = [convolutionalNetwork, recurrentNetwork].map((estimator) => ({
  name: estimator.name,
  estimator,
  fitted: estimator.fit(train, contextOf({ stepsMin: 500, batchSize: 128 })),
}));

describe.each(networks)('$name', ({ estimator, fitted }) => {
  it('learns a pattern of the sequence that the row alone does not show', async () => {
    const row = (features: FeatureMatrix): FeatureMatrix => selectColumns(features, ['lag0_gap', 'log_amount']);
    const linear = await logisticRegression.fit({ features: row(train.features), labels: train.labels }, contextOf());
    expect(auroc(linear.score(row(test.features)), test.labels)).toBeLessThan(0.6);
    expect(auroc((await fitted).score(test.features), test.labels)).toBeGreaterThan(0.9);
  });

  it('gives log-odds of fraud', async () => {
    const odds = (await fitted).score(test.features).map((score) => 1 / (1 + Math.exp(-score)));
    const [sure, unsure] = [true, false].map((above) => [...odds.keys()].filter((r) => odds[r]! > 0.5 === above));
    const share = (rows: number[]): number => rows.filter((r) => test.labels[r] === 1).length / rows.length;
    expect(share(sure!)).toBeGreaterThan(0.75);
    expect(share(unsure!)).toBeLessThan(0.06);
  });

  it('scores a row alone, and when loaded, to the same bits', async () => {
    const detector = await fitted;
    const rows = selectRows(test.features, [...Array(300).keys()]);
    const { artifacts } = decodeArtifacts(encodeArtifacts({ detector: detector.save() }, {}));
    const loaded: Detector = estimator.load(artifacts['detector']!, { backend });
    const scores = detector.score(rows);
    expect(loaded.score(rows)).toEqual(scores);
    for (const r of [0, 7, 299]) expect(detector.score(selectRows(rows, [r]))[0]).toBe(scores[r]);
  });
});

describe('steps of a sequence', () => {
  it('are oldest first, the row itself last, with columns found by name', () => {
    const names = ['log_amount', 'lag1_hour', 'lag0_gap', 'lag2_gap', 'hour', 'lag1_gap', 'lag2_log_amount', 'lag1_log_amount'];
    const { kinds, steps, places } = sequenceColumnsOf(names.map((name) => numericColumn(name)));
    expect([kinds, steps]).toEqual([['hour', 'gap', 'log_amount'], 3]);
    expect([...places].map((place) => names[place] ?? null)).toEqual([
      ...[null, 'lag2_gap', 'lag2_log_amount'],
      ...['lag1_hour', 'lag1_gap', 'lag1_log_amount'],
      ...['hour', 'lag0_gap', 'log_amount'],
    ]);
    expect(sequenceColumnsOf([numericColumn('lagoon'), numericColumn('amount')]).steps).toBe(0);
  });

  it('that nobody remembers leave a network on the row', async () => {
    const { features, labels } = draw(200, 3);
    const forgotten = { ...features, values: features.values.map((value, at) => (at % columns.length < 2 * LAGS ? NaN : value)) };
    const constant = { ...features, values: features.values.map(() => 1) };
    for (const table of [forgotten, constant]) {
      const scores = (await recurrentNetwork.fit({ features: table, labels }, contextOf({ stepsMax: 5 }))).score(features);
      expect(scores.every((score) => Number.isFinite(score))).toBe(true);
    }
  });
});
