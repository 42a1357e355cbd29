import { createRandom } from '../domain/random.js';
import { plattProbability } from '../models/platt.js';
import { calibrationError } from './evaluate.js';
import { crossFitProbabilities, fitFraudScale } from './fraud-scale.js';

const AS_IT_IS = { slope: 1, offset: 0 };
const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/** Entities with 4 rows each; a share of frauds of about 4 %, and the log-odds that made them times a slope, plus an offset. */
const sliceOf = (seed: number, entities: number, slope = 1, offset = 0) => {
  const random = createRandom(seed);
  const rows = Array.from({ length: entities }, (_, e) =>
    Array.from({ length: 4 }, (_, i) => {
      const logOdds = -5 + 2 * random.normal();
      return {
        transaction: { id: `${e}-${i}`, entities: [`c${e}`] },
        truth: logistic(logOdds),
        score: slope * logOdds + offset,
        label: random.uniform() < logistic(logOdds) ? 1 : 0,
      };
    }),
  ).flat();
  return {
    transactions: rows.map(({ transaction }) => transaction),
    truth: rows.map(({ truth }) => truth),
    slice: { scores: Float64Array.from(rows, (row) => row.score), labels: Int8Array.from(rows, (row) => row.label) },
  };
};

test('a scale finds the log-odds that the labels were drawn from', () => {
  const { slice, transactions, truth } = sliceOf(1, 3_000, 0.4, 3);
  const { slope, offset } = fitFraudScale(slice, AS_IT_IS);
  expect(slope).toBeCloseTo(2.5, 0);
  expect(offset).toBeCloseTo(-7.5, 0);
  const probabilities = crossFitProbabilities(slice, transactions, AS_IT_IS);
  const distance = probabilities.reduce((sum, p, i) => sum + Math.abs(p - truth[i]!), 0) / truth.length;
  expect(distance).toBeLessThan(0.005);
});

test('no row has a say in its own probability, nor has another row of its entity', () => {
  const { slice, transactions } = sliceOf(2, 300);
  const before = crossFitProbabilities(slice, transactions, AS_IT_IS);
  for (const entity of [7, 211]) {
    const own = (row: number): boolean => transactions[row]!.entities[0] === `c${entity}`;
    const changed = { ...slice, labels: slice.labels.map((label, row) => (own(row) ? 1 - label : label)) };
    const after = crossFitProbabilities(changed, transactions, AS_IT_IS);
    const isSame = [...after.keys()].map((row) => after[row] === before[row]);
    expect(isSame.filter((_, row) => own(row))).toEqual([true, true, true, true]);
    // Those of the other half are scaled by it.
    expect(isSame.filter((same) => !same).length).toBeGreaterThan(400);
  }
});

test('the order of the rows does not matter', () => {
  const { slice, transactions } = sliceOf(3, 500);
  const probabilities = crossFitProbabilities(slice, transactions, AS_IT_IS);
  const order = [...transactions.keys()].reverse();
  const turned = crossFitProbabilities(
    { scores: slice.scores.toReversed(), labels: slice.labels.toReversed() },
    order.map((row) => transactions[row]!),
    AS_IT_IS,
  );
  expect(Math.max(...turned.map((p, i) => Math.abs(p - probabilities[order[i]!]!)))).toBeLessThan(1e-6);
});

test('scores that say nothing look calibrated to the scale that has seen them, and less so across', () => {
  // The frauds of twenty customers who pay in bursts; each burst has its own score.
  const gain = Array.from({ length: 6 }, (_, seed) => {
    const random = createRandom(seed);
    const rows = Array.from({ length: 60 }, (_, e) => ({ score: random.normal(), isFraud: e < 20 }));
    const spread = rows.flatMap((row, e) =>
      Array.from({ length: 3 }, (_, i) => ({ ...row, id: `${e}-${i}`, entities: [`c${e}`] })),
    );
    const slice = {
      scores: Float64Array.from(spread, (row) => row.score),
      labels: Int8Array.from(spread, (row) => (row.isFraud ? 1 : 0)),
    };
    const labels = Uint8Array.from(slice.labels);
    const platt = fitFraudScale(slice, AS_IT_IS);
    const seen = calibrationError(
      labels,
      slice.scores.map((score) => plattProbability(platt, score)),
    );
    return calibrationError(labels, crossFitProbabilities(slice, spread, AS_IT_IS)) - seen;
  });
  expect(gain.reduce((sum, g) => sum + g, 0) / gain.length).toBeGreaterThan(0.01);
});

test('too few frauds leave log-odds as they are, in both halves where one has too few', () => {
  const { slice, transactions } = sliceOf(4, 100);
  const few = { ...slice, labels: slice.labels.map((_, row) => (row < 9 ? 1 : 0)) };
  const shifted = { slope: 1, offset: -2 };
  expect(fitFraudScale(few, shifted)).toEqual(shifted);
  expect(crossFitProbabilities(few, transactions, shifted)).toEqual(slice.scores.map((score) => logistic(score - 2)));
  // Forty frauds of one customer: his half could have a scale, the other has no fraud.
  const grouped = transactions.map((transaction, row) => (row < 40 ? { ...transaction, entities: ['c0'] } : transaction));
  const labels = slice.labels.map((_, row) => (row < 40 ? 1 : 0));
  expect(fitFraudScale({ ...slice, labels }, shifted)).not.toEqual(shifted);
  expect(crossFitProbabilities({ ...slice, labels }, grouped, shifted)).toEqual(slice.scores.map((score) => logistic(score - 2)));
});

test('rows whose label has not matured are scaled and scale nothing', () => {
  const { slice, transactions } = sliceOf(5, 400);
  const immature = { ...slice, labels: slice.labels.map((label, row) => (row % 5 === 0 ? -1 : label)) };
  const without = (row: number): boolean => row % 5 !== 0;
  const known = { scores: slice.scores.filter((_, row) => without(row)), labels: slice.labels.filter((_, row) => without(row)) };
  expect(fitFraudScale(immature, AS_IT_IS)).toEqual(fitFraudScale(known, AS_IT_IS));
  const all = crossFitProbabilities(immature, transactions, AS_IT_IS);
  expect(all.filter((_, row) => without(row))).toEqual(
    crossFitProbabilities(
      known,
      transactions.filter((_, row) => without(row)),
      AS_IT_IS,
    ),
  );
  expect(all.every((p) => p > 0 && p < 1)).toBe(true);
});
