import { featureMatrix, numericColumn, selectRows } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import { createSimdBackend } from '../tensor/simd.js';
import { AugmentSettingsSchema } from './augment-settings.js';
import { augmentedData, type LabelledRows } from './augmented-data.js';

const settings = AugmentSettingsSchema.parse({});
const count = 300;
const real: LabelledRows = ((): LabelledRows => {
  const random = createRandom(4);
  const labels = Uint8Array.from({ length: count }, (_, r) => (r % 10 === 0 ? 1 : 0));
  return {
    features: featureMatrix(
      [numericColumn('x'), numericColumn('y')],
      Float32Array.from({ length: 2 * count }, (_, at) => random.normal() + 3 * labels[at >> 1]!),
    ),
    labels,
    entities: Int32Array.from({ length: count }, (_, r) => r % 50),
  };
})();
const context = () => ({ random: createRandom(1), backend: createSimdBackend() });
const augment = (share: number, given = real, more = {}) =>
  augmentedData(given, { generator: 'gaussian-mixture', share }, { ...settings, ...more }, {}, context());

describe('augmented training data', () => {
  it('is the real rows unchanged behind marked frauds with entities of their own', async () => {
    const { features, labels, entities, isSynthetic, logOddsShift, quality } = await augment(4);
    expect(features.rowCount).toBe(120 + count);
    const [extra, rows] = [1, 0].map((mark) => [...isSynthetic.keys()].filter((r) => isSynthetic[r] === mark)) as [
      number[],
      number[],
    ];
    expect(extra).toEqual(Array.from({ length: 120 }, (_, r) => r));
    expect(selectRows(features, rows).values).toEqual(real.features.values);
    expect(rows.map((r) => labels[r])).toEqual([...real.labels]);
    expect(rows.map((r) => entities[r])).toEqual([...real.entities]);
    expect(extra.every((r) => labels[r] === 1)).toBe(true);
    const own = new Set(extra.map((r) => entities[r]));
    expect(own.size).toBe(120);
    for (const entity of real.entities) expect(own.has(entity)).toBe(false);
    // 30 of 300 become 150 of 420: odds from 1/9 to 5/9.
    expect(logOddsShift).toBeCloseTo(Math.log(5 / 9 / (1 / 9)), 12);
    expect(quality).toMatchObject({ rows: 120, copies: 0 });
  });

  it('never has more synthetic rows than real ones, so that a latest third is real', async () => {
    const { isSynthetic } = await augment(20);
    const extra = isSynthetic.reduce((sum, mark) => sum + mark, 0);
    expect(extra).toBe(count);
    // What estimators that choose on the latest rows take: at most half of them.
    expect(isSynthetic.subarray(Math.ceil(isSynthetic.length / 2)).includes(1)).toBe(false);
    expect((await augment(20, real, { syntheticMax: 25 })).isSynthetic.reduce((sum, mark) => sum + mark, 0)).toBe(25);
  });

  it('imitates the named frauds alone', async () => {
    const imitated = Uint8Array.from(real.labels.keys(), (r) => (r < 150 ? 1 : 0));
    const far = { ...real.features, values: real.features.values.map((x, at) => (at < count ? x + 100 : x)) };
    const { features, isSynthetic } = await augment(2, { ...real, features: far, imitated });
    const extra = [...isSynthetic.keys()].filter((r) => isSynthetic[r] === 1);
    expect(extra.length).toBe(30);
    for (const r of extra) expect(features.values[2 * r]).toBeGreaterThan(90);
  });

  it('is the rows as they are where nothing is kept, or a single fraud is known', async () => {
    const plain = await augmentedData(real, null, settings, {}, context());
    expect(plain).toMatchObject({
      features: real.features,
      labels: real.labels,
      entities: real.entities,
      logOddsShift: 0,
      quality: null,
    });
    expect(plain.isSynthetic.includes(1)).toBe(false);
    const single = await augment(4, { ...real, labels: real.labels.map((_, r) => (r === 5 ? 1 : 0)) });
    expect(single.isSynthetic.includes(1)).toBe(false);
  });

  it('has the same rows by seed', async () => {
    expect((await augment(1)).features.values).toEqual((await augment(1)).features.values);
  });
});
