import { createRandom } from '../domain/random.js';
import { averagePrecision } from '../domain/ranking.js';
import { precisionGain, type JudgedScores } from './precision-gain.js';

const settings = { resamples: 400, confidence: 0.9 };

/** Entities of two rows; a score is the label's signal and noise. */
const judged = (seed: number, entities: number, before: number, after: number): JudgedScores => {
  const random = createRandom(seed);
  const rows = 2 * entities;
  const labels = Uint8Array.from({ length: rows }, (_, r) => (Math.floor(r / 2) % 8 === 0 ? 1 : 0));
  const scores = (signal: number): Float64Array => Float64Array.from(labels, (label) => signal * label + random.normal());
  return {
    labels,
    entities: Int32Array.from({ length: rows }, (_, r) => Math.floor(r / 2)),
    weights: new Float64Array(rows).fill(1),
    without: [scores(before)],
    with: [scores(after)],
  };
};

describe('gain in average precision', () => {
  it('has the average precisions of the ranking metrics, weighted and tied', async () => {
    const weights = Float64Array.of(1, 2, 1, 3, 1, 2);
    const labels = Uint8Array.of(1, 0, 1, 0, 0, 1);
    const without = [Float64Array.of(3, 3, 2, 2, 1, 1)];
    const after = [Float64Array.of(9, 1, 8, 2, 2, 7), Float64Array.of(1, 2, 3, 4, 5, 6)];
    const given = { labels, entities: Int32Array.of(0, 1, 2, 3, 4, 5), weights, without, with: after };
    const gain = await precisionGain(given, { ...settings, random: createRandom(1) });
    expect(gain.without).toBeCloseTo(averagePrecision(labels, without[0]!, weights), 12);
    const mean = (averagePrecision(labels, after[0]!, weights) + averagePrecision(labels, after[1]!, weights)) / 2;
    expect(gain.with).toBeCloseTo(mean, 12);
    expect(gain.gain).toBeCloseTo(gain.with - gain.without, 12);
  });

  it('holds no gain where both ways are the same', async () => {
    const { without, ...others } = judged(3, 200, 1.5, 1.5);
    expect(await precisionGain({ ...others, without, with: without }, { ...settings, random: createRandom(1) })).toMatchObject({
      gain: 0,
      low: 0,
      high: 0,
    });
  });

  it('finds a real gain and the same loss', async () => {
    expect((await precisionGain(judged(5, 400, 1, 3), { ...settings, random: createRandom(1) })).low).toBeGreaterThan(0);
    expect((await precisionGain(judged(5, 400, 3, 1), { ...settings, random: createRandom(1) })).high).toBeLessThan(0);
  });

  it('covers the true difference, which is nil, about as often as it says', async () => {
    const few = { resamples: 150, confidence: 0.9 };
    const runs = await Promise.all(
      Array.from({ length: 120 }, (_, s) => precisionGain(judged(s + 1000, 100, 1.5, 1.5), { ...few, random: createRandom(s) })),
    );
    const covered = runs.filter(({ low, high }) => low <= 0 && high >= 0).length / runs.length;
    // 0.9 with a standard error of 0.027.
    expect(covered).toBeGreaterThan(0.82);
    expect(covered).toBeLessThan(0.98);
  });

  it('learns nothing from rows of one entity that say the same, and would if they were entities of their own', async () => {
    const own = judged(8, 300, 1.2, 1.6);
    const four = <T extends Uint8Array | Int32Array | Float64Array>(cells: T): T =>
      new (cells.constructor as new (from: number[]) => T)(Array.from(cells).flatMap((cell) => [cell, cell, cell, cell]));
    const repeated: JudgedScores = {
      labels: four(own.labels),
      entities: four(own.entities),
      weights: four(own.weights),
      without: own.without.map(four),
      with: own.with.map(four),
    };
    const width = async (given: JudgedScores): Promise<number> => {
      const { low, high } = await precisionGain(given, { ...settings, random: createRandom(2) });
      return high - low;
    };
    expect(await width(repeated)).toBeCloseTo(await width(own), 10);
    const alone = { ...repeated, entities: Int32Array.from(repeated.entities.keys()) };
    expect(await width(alone)).toBeLessThan(0.75 * (await width(own)));
  });
});
