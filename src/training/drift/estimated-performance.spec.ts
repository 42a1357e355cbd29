import { createRandom, type Random } from '../../domain/random.js';
import { checkProbabilities, estimatePerformance, type ScoredRows } from './estimated-performance.js';

interface Window {
  readonly rows: ScoredRows;
  readonly labels: Int8Array;
}

/**
 * 20,000 rows of 4,000 customers, the most probable 1 % alerted on. `truth` says how much of its stated probability a row has;
 * `shift` moves the features, and with them the probabilities, which go on telling the truth.
 */
const windowOf = (random: Random, truth: (p: number) => number = (p) => p, shift = 0): Window => {
  const n = 20_000;
  const probabilities = Float64Array.from({ length: n }, () => 1 / (1 + Math.exp(5.5 - shift - 1.8 * random.normal())));
  const limit = Float64Array.from(probabilities).sort()[n - n / 100]!;
  return {
    rows: {
      entities: Int32Array.from({ length: n }, (_, i) => i % 4000),
      alerted: Uint8Array.from(probabilities, (p) => (p >= limit ? 1 : 0)),
      probabilities,
    },
    labels: Int8Array.from(probabilities, (p) => (random.uniform() < truth(p) ? 1 : 0)),
  };
};

const truthOf = ({ rows, labels }: Window): { precision: number; recall: number } => {
  let [alerts, frauds, caught] = [0, 0, 0];
  labels.forEach((label, i) => {
    alerts += rows.alerted[i]!;
    frauds += label;
    caught += label * rows.alerted[i]!;
  });
  return { precision: caught / alerts, recall: caught / frauds };
};

const agreement = (truth: (p: number) => number, shift: number): { precision: number; recall: number; trusted: number } => {
  const count = { precision: 0, recall: 0, trusted: 0 };
  const runs = 12;
  for (let seed = 0; seed < runs; seed += 1) {
    const random = createRandom(seed);
    const matured = windowOf(random, truth);
    const now = windowOf(random, truth, shift);
    const estimate = estimatePerformance(now.rows, checkProbabilities(matured.rows, matured.labels), 0.95);
    const real = truthOf(now);
    for (const figure of ['precision', 'recall'] as const)
      if (real[figure] >= estimate[figure].low! && real[figure] <= estimate[figure].high!) count[figure] += 1 / runs;
    if (estimate.isTrusted) count.trusted += 1 / runs;
  }
  return count;
};

describe('performance estimated before labels mature', () => {
  it('where probabilities hold, the truth lies in the interval, also after a shift of the features', () => {
    for (const shift of [0, 0.7]) {
      const { precision, recall, trusted } = agreement((p) => p, shift);
      expect(precision).toBeGreaterThan(0.74);
      expect(recall).toBeGreaterThan(0.74);
      expect(trusted).toBeGreaterThan(0.8);
    }
  });

  it('where what alerts mean has changed, it is wrong, and matured rows say so', () => {
    const { precision, trusted } = agreement((p) => (p > 0.2 ? p / 2 : p), 0);
    expect(precision).toBeLessThan(0.11);
    expect(trusted).toBeLessThan(0.11);
  });

  it('where frauds are outside what the model knows, recall is wrong, and matured rows say so', () => {
    const { recall, trusted } = agreement((p) => (p < 0.01 ? p + 0.02 : p), 0);
    expect(recall).toBeLessThan(0.11);
    expect(trusted).toBeLessThan(0.11);
  });

  it('a change since the newest matured rows cannot be seen: the estimate is wrong and still trusted', () => {
    const random = createRandom(7);
    const matured = windowOf(random);
    const now = windowOf(random, (p) => p / 2);
    const estimate = estimatePerformance(now.rows, checkProbabilities(matured.rows, matured.labels), 0.95);
    expect(truthOf(now).precision).toBeLessThan(estimate.precision.low!);
    expect(estimate.isTrusted).toBe(true);
  });

  it('by hand; frauds that come together widen the interval', () => {
    const rows: ScoredRows = {
      entities: Int32Array.of(1, 1, 2, 3),
      alerted: Uint8Array.of(1, 1, 0, 0),
      probabilities: Float64Array.of(0.8, 0.4, 0.2, 0.1),
    };
    const alone = estimatePerformance(rows, null, 0.95);
    expect(alone.precision.value).toBeCloseTo(0.6, 12);
    expect(alone.recall.value).toBeCloseTo(1.2 / 1.5, 12);
    expect([alone.isTrusted, alone.check]).toEqual([false, null]);
    const check = checkProbabilities(rows, Int8Array.of(1, 1, 0, -1));
    // Customer 1: 2 found where 1.2 were expected.
    expect(check.alerted).toMatchObject({ expected: 1.2000000000000002, found: 2 });
    expect(check.alerted.designEffect).toBeCloseTo(0.64 / (0.16 + 0.24), 12);
    const together = estimatePerformance(rows, check, 0.5);
    const apart = estimatePerformance(rows, null, 0.5);
    const width = ({ low, high }: typeof together.precision): number => high! - low!;
    expect(width(together.precision) / width(apart.precision)).toBeCloseTo(Math.sqrt(1.6), 6);
  });

  it('no alerts, no frauds expected, a probability that is none', () => {
    const none: ScoredRows = { entities: Int32Array.of(1), alerted: Uint8Array.of(0), probabilities: Float64Array.of(0) };
    expect(estimatePerformance(none, null, 0.95)).toMatchObject({ precision: { value: null }, recall: { value: null } });
    expect(() => estimatePerformance({ ...none, probabilities: Float64Array.of(NaN) }, null, 0.95)).toThrow(
      'a fraud probability is NaN; expected a number from 0 to 1',
    );
  });
});
