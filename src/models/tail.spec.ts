import { featureMatrix, numericColumn, type FeatureColumn } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import type { FitContext } from './detector.js';
import { tail } from './tail.js';

const context = { random: createRandom(1) } as FitContext;
const fit = (columns: readonly FeatureColumn[], values: ArrayLike<number>) =>
  tail.fit({ features: featureMatrix(columns, Float32Array.from(values)) }, context);
const scoreOf = async (column: FeatureColumn, reference: ArrayLike<number>, x: number): Promise<number> =>
  (await fit([column], reference)).score(featureMatrix([column], Float32Array.of(x)))[0]!;

const hundred = Array.from({ length: 100 }, (_, i) => i);

describe('tail channel', () => {
  it('counts #{>= x} + 1/2 of n + 1 up to the tail, in the direction of risk', async () => {
    // n = 100, k = 2, u = the third largest = 97.
    expect(await scoreOf(numericColumn('a', 'up'), hundred, 90)).toBeCloseTo(-Math.log(10.5 / 101), 9);
    expect(await scoreOf(numericColumn('a', 'up'), hundred, 97)).toBeCloseTo(-Math.log(3.5 / 101), 9);
    expect(await scoreOf(numericColumn('a', 'down'), hundred, 9)).toBeCloseTo(-Math.log(10.5 / 101), 9);
    expect(await scoreOf(numericColumn('a', 'both'), hundred, 9)).toBeCloseTo(-Math.log((2 * 10.5) / 101), 9);
    expect(await scoreOf(numericColumn('a', 'both'), hundred, 90)).toBeCloseTo(-Math.log((2 * 10.5) / 101), 9);
    expect(await scoreOf(numericColumn('a', 'both'), hundred, 50)).toBe(0);
  });

  it('goes on exponentially by the mean excess where none is extreme, to 1e-30', async () => {
    // Mean of 98 and 99 over 97 = 1.5.
    expect(await scoreOf(numericColumn('a', 'up'), hundred, 103)).toBeCloseTo(-Math.log(0.02) + 6 / 1.5, 6);
    expect(await scoreOf(numericColumn('a', 'up'), hundred, 1e6)).toBeCloseTo(30 * Math.LN10, 9);
  });

  it('is not blinded by one absurd value in what it was fitted on', async () => {
    const random = createRandom(9);
    const values = Float32Array.from({ length: 5000 }, () => random.normal());
    const clean = await scoreOf(numericColumn('a', 'up'), values, 6);
    expect(clean).toBeGreaterThan(9);
    expect(Math.abs((await scoreOf(numericColumn('a', 'up'), [...values, 1e12], 6)) / clean - 1)).toBeLessThan(0.1);
  });

  it('takes categorical columns with a direction by the frequency of the level', async () => {
    const column: FeatureColumn = { name: 'k', field: 'k', kind: 'categorical', levels: ['a', 'b'], risk: 'both' };
    const reference = [...Array<number>(90).fill(0), ...Array<number>(10).fill(1)];
    expect(await scoreOf(column, reference, 0)).toBeCloseTo(-Math.log(90.5 / 102), 9);
    expect(await scoreOf(column, reference, 2)).toBeCloseTo(-Math.log(0.5 / 102), 9);
    expect(await scoreOf(column, reference, NaN)).toBeCloseTo(-Math.log(0.5 / 102), 9);
  });

  it('adds up its terms, leaves out columns without a direction and calls missing cells no evidence', async () => {
    const columns = [numericColumn('a', 'up'), numericColumn('b', 'none'), numericColumn('c', 'down')];
    const random = createRandom(3);
    const values = Float32Array.from({ length: 900 }, () => random.normal());
    const detector = await fit(columns, values);
    const rows = featureMatrix(columns, Float32Array.of(3, 99, -1, NaN, 0, NaN));
    const terms = detector.terms!(rows);
    expect(terms.columns).toEqual(['a', 'c']);
    const scores = detector.score(rows);
    expect(scores[0]).toBe(terms.values[0]! + terms.values[1]!);
    expect(scores[1]).toBe(0);
  });

  it('keeps at most 2,000 knots and stays near the exact probability', async () => {
    const random = createRandom(5);
    const values = Float32Array.from({ length: 50_000 }, () => random.normal());
    const detector = await fit([numericColumn('a', 'up')], values);
    expect(detector.save().arrays['0.up.knots']!.length).toBeLessThanOrEqual(2000);
    for (const x of [-2, 0, 1, 1.9]) {
      const exact = (values.filter((v) => v >= x).length + 0.5) / 50_001;
      const score = detector.score(featureMatrix([numericColumn('a', 'up')], Float32Array.of(x)))[0]!;
      expect(Math.abs(score + Math.log(exact))).toBeLessThan(0.01);
    }
  });

  it('is the same after saving and loading', async () => {
    const columns = [numericColumn('a', 'both'), numericColumn('b', 'none'), numericColumn('c', 'down')];
    const random = createRandom(7);
    const features = featureMatrix(
      columns,
      Float32Array.from({ length: 600 }, () => random.normal()),
    );
    const detector = await tail.fit({ features }, context);
    const loaded = tail.load(detector.save(), context);
    expect(loaded.score(features)).toEqual(detector.score(features));
    expect(loaded.terms!(features)).toEqual(detector.terms!(features));
  });

  it('is finite on constant and single-valued columns', async () => {
    for (const reference of [[5], [5, 5, 5, 5], Array<number>(200).fill(0)])
      for (const x of [-1e9, 0, 5, 5.5, 1e9])
        expect(Number.isFinite(await scoreOf(numericColumn('a', 'both'), reference, x))).toBe(true);
  });

  it('refuses other columns and unknown parameters', async () => {
    const detector = await fit([numericColumn('a')], hundred);
    expect(() => detector.score(featureMatrix([numericColumn('z')], Float32Array.of(1)))).toThrow(/columns are z/);
    const features = featureMatrix([numericColumn('a')], Float32Array.of(1));
    await expect(tail.fit({ features }, { ...context, parameters: { k: 1 } })).rejects.toThrow(/parameter "k"/);
  });
});
