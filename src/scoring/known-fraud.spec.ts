import type { Channel } from '../domain/decision.js';
import { featureMatrix, numericColumn } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import type { ChannelScore } from '../domain/scored-transaction.js';
import { createSimdBackend } from '../tensor/simd.js';
import { fitKnownFraud, noveltyOf } from './known-fraud.js';

const columns = [numericColumn('x'), numericColumn('y'), numericColumn('of another channel')];
const context = { random: createRandom(4), backend: createSimdBackend() };
/** Known frauds lie around (5, 0). */
const frauds = (count: number, seed: number) => {
  const random = createRandom(seed);
  return featureMatrix(
    columns,
    Float32Array.from(
      Array.from({ length: count }, () => [5 + 0.5 * random.normal(), random.normal(), 100 * random.normal()]).flat(),
    ),
  );
};
const channels = (dMinusLog10P: number | null): Record<Channel, ChannelScore> => {
  const score = { score: 0, minusLog10P: 0 };
  return { S: score, T: score, H: score, D: { score: 0, minusLog10P: dMinusLog10P } };
};
const row = (x: number, y: number) => featureMatrix(columns, Float32Array.of(x, y, NaN));

test('a row unlike traffic and unlike known fraud is of a new type; one of a known type or an ordinary one is not', async () => {
  const known = (await fitKnownFraud(frauds(300, 1), ['x', 'y'], context))!;
  expect(noveltyOf(known, row(0, 9), channels(3))).toEqual({ isNew: true, knownFraudP: 1 / 301, knownFrauds: 300 });
  expect(noveltyOf(known, row(5, 0), channels(3)).isNew).toBe(false);
  expect(noveltyOf(known, row(0, 9), channels(1)).isNew).toBe(false);
  expect(noveltyOf(known, row(0, 9), channels(null)).isNew).toBe(false);
});

test('fresh frauds of the known types are called new about as often as stated', async () => {
  const known = (await fitKnownFraud(frauds(400, 1), ['x', 'y'], context))!;
  const fresh = frauds(1000, 2);
  let called = 0;
  for (let r = 0; r < 1000; r += 1) {
    const values = fresh.values.slice(3 * r, 3 * r + 3);
    if (noveltyOf(known, featureMatrix(columns, values), channels(9)).isNew) called += 1;
  }
  expect(called / 1000).toBeLessThan(0.08);
  expect(called / 1000).toBeGreaterThan(0.02);
});

test('few known frauds say nothing', async () => {
  expect(await fitKnownFraud(frauds(29, 1), ['x', 'y'], context)).toBeNull();
});
