import { createRandom } from '../domain/random.js';
import { bootstrapClusters, differenceOf, intervalOf, type Figures } from './paired-bootstrap.js';

const meanOf = (key: string, values: readonly number[], clusters: readonly number[] = values.map((_, i) => i)): Figures => ({
  keys: [key],
  of: (weights) => {
    let sum = 0;
    let count = 0;
    values.forEach((value, i) => {
      sum += weights[clusters[i]!]! * value;
      count += weights[clusters[i]!]!;
    });
    return [sum / count];
  },
});
const random = createRandom(5);
const normals = Array.from({ length: 400 }, () => 3 + 2 * random.normal());

describe('bootstrapClusters', () => {
  test('the interval of a mean is the closed form of the normal distribution', async () => {
    const resampled = await bootstrapClusters(400, [meanOf('mean', normals)], { resamples: 4000, random: createRandom(1) });
    const mean = normals.reduce((a, b) => a + b, 0) / 400;
    const error = Math.sqrt(normals.reduce((a, b) => a + (b - mean) ** 2, 0) / 400 / 400);
    const { value, low, high } = intervalOf(resampled.value('mean'), resampled.draws('mean'), 0.95);
    expect(value).toBeCloseTo(mean, 12);
    expect((high - mean) / (1.96 * error)).toBeCloseTo(1, 1);
    expect((mean - low) / (1.96 * error)).toBeCloseTo(1, 1);
  });

  test('of three clusters it draws each of the 27 resamples as often as it should', async () => {
    const values = [0, 1, 10];
    const exact = new Map<number, number>();
    for (const a of values)
      for (const b of values) for (const c of values) exact.set(a + b + c, (exact.get(a + b + c) ?? 0) + 1 / 27);
    const resamples = 20_000;
    const resampled = await bootstrapClusters(3, [meanOf('mean', values)], { resamples, random: createRandom(2) });
    for (const [sum, probability] of exact) {
      const drawn = resampled.draws('mean').filter((mean) => Math.abs(3 * mean - sum) < 1e-9).length;
      expect(Math.abs(drawn / resamples - probability)).toBeLessThan(4 * Math.sqrt(probability / resamples));
    }
  });

  test('rows of one cluster are no more evidence than one: ten copies of each leave the interval as wide', async () => {
    const copies = normals.flatMap((value) => Array.from({ length: 10 }, () => value));
    const clusters = normals.flatMap((_, i) => Array.from({ length: 10 }, () => i));
    const options = (seed: number) => ({ resamples: 1000, random: createRandom(seed) });
    const one = await bootstrapClusters(400, [meanOf('mean', normals)], options(3));
    const ten = await bootstrapClusters(400, [meanOf('mean', copies, clusters)], options(3));
    expect(ten.draws('mean')[7]).toBeCloseTo(one.draws('mean')[7]!, 10);
  });

  test('differences are paired: a constant apart is a constant apart in every resample, whatever both vary', async () => {
    const figures = [
      meanOf('a', normals),
      meanOf(
        'b',
        normals.map((value) => value + 0.5),
      ),
    ];
    const resampled = await bootstrapClusters(400, figures, { resamples: 500, random: createRandom(4) });
    const { value, low, high } = differenceOf(resampled, 'b', 'a', 0.95);
    for (const each of [value, low, high]) expect(each).toBeCloseTo(0.5, 10);
  });

  test('95 of 100 intervals of samples of a known mean hold it', async () => {
    let held = 0;
    for (let seed = 0; seed < 100; seed += 1) {
      const draw = createRandom(seed).fork('sample');
      const sample = Array.from({ length: 100 }, () => draw.normal());
      const resampled = await bootstrapClusters(100, [meanOf('mean', sample)], { resamples: 400, random: createRandom(seed) });
      const { low, high } = intervalOf(resampled.value('mean'), resampled.draws('mean'), 0.95);
      if (low <= 0 && high >= 0) held += 1;
    }
    // Binomial(100, 0.95): below 87 once in 2,000.
    expect(held).toBeGreaterThanOrEqual(87);
  });

  test('a basic interval mirrors the percentiles; resamples without an answer are left out', () => {
    const draws = Float64Array.from([NaN, 1, 2, 3, NaN]);
    expect(intervalOf(2.5, draws, 0.5)).toEqual({ value: 2.5, low: 1.5, high: 2.5 });
    expect(intervalOf(2.5, draws, 0.5, 'basic')).toEqual({ value: 2.5, low: 2.5, high: 3.5 });
    expect(intervalOf(1, Float64Array.of(NaN), 0.5)).toEqual({ value: 1, low: NaN, high: NaN });
  });

  test('reports progress, stops when told, and names a figure that does not exist', async () => {
    const shares: number[] = [];
    const figures = [meanOf('mean', normals)];
    const resampled = await bootstrapClusters(400, figures, {
      resamples: 100,
      random: createRandom(1),
      onProgress: (share) => shares.push(share),
    });
    expect(shares).toEqual([0.5, 1]);
    expect(() => resampled.value('median')).toThrow('there is no figure "median" among mean');
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(bootstrapClusters(400, figures, { resamples: 100, random: createRandom(1), signal })).rejects.toThrow('enough');
  });
});
