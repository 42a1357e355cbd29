import { featureMatrix, numericColumn, type FeatureColumn, type FeatureMatrix } from '../domain/feature-matrix.js';
import { createRandom, type Random } from '../domain/random.js';
import type { Estimator, TrainingData } from '../models/detector.js';
import { estimators } from '../models/registry.js';
import { createSimdBackend } from '../tensor/simd.js';
import { chooseAugmentation, type AugmentInput } from './augment.js';
import { AugmentSettingsSchema } from './augment-settings.js';
import type { TrainingContext } from './fit-channels.js';

const SIZE = 6;
const quick = { resamples: 200, draws: 2, fraudsMin: 30 };
const settings = AugmentSettingsSchema.parse({ ...quick, generators: ['gaussian-mixture'], shares: [20], validationShare: 0.5 });
const parameters = { 'gradient-boosting': { trees: 40 } };
const context = (more: Partial<TrainingContext> = {}): TrainingContext => ({
  random: createRandom(1),
  backend: createSimdBackend(),
  ...more,
});

type Cells = (label: number, random: Random) => readonly number[];
const normals = (random: Random, scale = 1): number[] => Array.from({ length: SIZE }, () => scale * random.normal());

/** Two rows an entity; the later half has a wave of frauds, so that it can judge what few frauds taught. */
const world = (seed: number, cells: Cells, { rows = 3000, earlier = 30, later = 300 } = {}): AugmentInput => {
  const random = createRandom(seed);
  const labels = new Uint8Array(rows);
  const half = rows / 2;
  for (let i = 0; i < earlier; i += 1) labels[Math.floor((i * half) / earlier)] = 1;
  for (let i = 0; i < later; i += 1) labels[half + Math.floor((i * half) / later)] = 1;
  const values = Float32Array.from(Array.from(labels).flatMap((label) => cells(label, random)));
  return {
    features: featureMatrix(
      Array.from({ length: SIZE }, (_, c) => numericColumn(`x${c}`)),
      values,
    ),
    labels,
    entities: Int32Array.from({ length: rows }, (_, r) => r >> 1),
    occurredAtMs: Float64Array.from({ length: rows }, (_, r) => r),
    settings,
    parameters,
  };
};

/** Frauds lie close about the middle of what is usual: a ball, which trees cut out of few rows badly and a Gaussian does not. */
const ball: Cells = (label, random) => normals(random, label === 1 ? 0.5 : 1);
/** Nothing tells the classes apart. */
const noise: Cells = (_, random) => normals(random);

describe('the choice of an augmentation', () => {
  it('keeps frauds that help on held-out real rows', async () => {
    for (const seed of [101, 102]) {
      const report = await chooseAugmentation(world(seed, ball, { rows: 4000 }), context());
      expect(report.kept).toEqual({ generator: 'gaussian-mixture', share: 20 });
      const [only] = report.tried;
      expect(only!.confirming.low).toBeGreaterThan(0);
      expect(only!.confirming.gain).toBeCloseTo(only!.confirming.with - only!.confirming.without, 12);
      expect(only!.quality.rows).toBe(600);
      expect(report.reasons.at(-1)).toBe('gaussian-mixture x20 is kept.');
    }
  });

  it('does not keep what does nothing, and reports it all the same', async () => {
    const tried = { ...settings, generators: ['gaussian-mixture', 'smote', 'duplicate'] as const, shares: [1, 4] };
    let kept = 0;
    for (let seed = 0; seed < 10; seed += 1) {
      const input = {
        ...world(seed + 20, noise, { rows: 800, earlier: 60, later: 120 }),
        settings: { ...tried, generators: [...tried.generators] },
      };
      const report = await chooseAugmentation(
        { ...input, parameters: { 'gradient-boosting': { trees: 8 } } },
        context({ random: createRandom(seed) }),
      );
      expect(report.tried.length).toBe(6);
      for (const { choosing, confirming } of report.tried)
        for (const gain of [choosing, confirming]) expect(gain.low <= gain.gain && gain.gain <= gain.high).toBe(true);
      if (report.kept) kept += 1;
    }
    // 2.5 % each by the level of the intervals: three of ten have a probability of 0.002.
    expect(kept).toBeLessThan(3);
  });

  it('does not keep what hurts', async () => {
    // The frauds' one sign is an exact value, which a mixture smears over its neighbours where the legitimate rows are.
    const exact: Cells = (label, random) => [label === 1 ? 0 : random.normal(), ...normals(random).slice(1)];
    const report = await chooseAugmentation(world(3, exact), context());
    expect(report.kept).toBeNull();
    expect(report.tried[0]!.confirming.gain).toBeLessThanOrEqual(0);
    expect(report.reasons.at(-1)).toContain('Nothing is kept');
  });

  it('has the same report by seed, whatever is tried beside', async () => {
    const input = world(4, ball, { rows: 1200 });
    const one = await chooseAugmentation(input, context());
    expect(await chooseAugmentation(input, context())).toEqual(one);
    const two = { ...settings, generators: ['duplicate' as const, 'gaussian-mixture' as const] };
    const beside = await chooseAugmentation({ ...input, settings: two }, context());
    expect(beside.tried.find(({ generator }) => generator === 'gaussian-mixture')).toEqual(one.tried[0]);
  });
});

describe('what judges an augmentation', () => {
  const seen: { fitted: TrainingData[]; scored: FeatureMatrix[] } = { fitted: [], scored: [] };
  const spy: Estimator = {
    ...estimators['logistic-regression']!,
    async fit(data, given) {
      const detector = await estimators['logistic-regression']!.fit(data, given);
      seen.fitted.push(data);
      return {
        ...detector,
        score(features) {
          seen.scored.push(features);
          return detector.score(features);
        },
      };
    },
  };
  const registry = estimators as Record<string, Estimator>;
  beforeAll(() => (registry['spy'] = spy));
  afterAll(() => delete registry['spy']);

  it('is real rows alone, later than all that was learned from, of other entities', async () => {
    const input = world(5, ball, { rows: 2000 });
    await chooseAugmentation({ ...input, estimator: 'spy' }, context());
    const key = (matrix: FeatureMatrix, r: number): string => [...matrix.values.subarray(r * SIZE, (r + 1) * SIZE)].join();
    const rowOf = new Map(Array.from(input.labels, (_, r) => [key(input.features, r), r]));
    const real = (matrix: FeatureMatrix): (number | undefined)[] =>
      Array.from({ length: matrix.rowCount }, (_, r) => rowOf.get(key(matrix, r)));
    const scored = seen.scored.flatMap(real);
    expect(scored.every((row) => row !== undefined && row >= 1000)).toBe(true);
    // The oracle finds synthetic rows where they are: a mask that missed them would pass the line above.
    const fitted = seen.fitted.map(({ features, labels }) => ({ rows: real(features), labels: labels! }));
    expect(fitted.map(({ rows }) => rows.filter((row) => row === undefined).length)).toEqual([0, 0, 600, 600]);
    for (const { rows, labels } of fitted)
      rows.forEach((row, r) => {
        expect(row === undefined || row < 1000).toBe(true);
        expect(labels[r]).toBe(row === undefined ? 1 : input.labels[row]);
      });
  });
});

describe('awkward training data', () => {
  const kind: FeatureColumn = { name: 'kind', field: 'kind', kind: 'categorical', levels: ['a', 'b', 'c'], risk: 'both' };

  it.each([
    ['no frauds', { earlier: 0, later: 0 }, '0 frauds to learn from'],
    ['three frauds', { earlier: 3, later: 3 }, '3 frauds to learn from'],
    ['none to judge on', { earlier: 40, later: 0 }, '0 newly compromised entities to judge on'],
  ])('%s: nothing is tried, and it says so', async (_, counts, sentence) => {
    const report = await chooseAugmentation(world(1, ball, { rows: 1000, ...counts }), context());
    expect(report).toMatchObject({ kept: null, tried: [], parts: null });
    expect(report.reasons).toEqual([expect.stringContaining(sentence)]);
  });

  it('only frauds, and no generator', async () => {
    const input = world(1, ball, { rows: 400 });
    const { reasons } = await chooseAugmentation({ ...input, labels: new Uint8Array(400).fill(1) }, context());
    expect(reasons).toEqual(['Nothing was tried: there are only frauds to learn from.']);
    const none = await chooseAugmentation({ ...input, settings: { ...settings, generators: [] } }, context());
    expect(none.reasons).toEqual(['Nothing was tried: no generator is configured.']);
  });

  it('constant columns, gaps, categories and equal rows are tried with every generator', async () => {
    const input = world(6, ball, { rows: 600, earlier: 40, later: 80 });
    const columns = [...input.features.columns.slice(0, 3), kind, numericColumn('same'), numericColumn('gap')];
    const random = createRandom(2);
    const values = input.features.values.slice();
    for (let r = 0; r < 600; r += 1)
      values.set([random.integer(3), 7, random.uniform() < 0.5 ? NaN : random.normal()], r * SIZE + 3);
    // Every second fraud repeats the one before it.
    const frauds = [...input.labels.keys()].filter((r) => input.labels[r] === 1);
    frauds.forEach((r, i) => i % 2 === 1 && values.copyWithin(r * SIZE, frauds[i - 1]! * SIZE, (frauds[i - 1]! + 1) * SIZE));
    const networks = Object.fromEntries(
      ['autoregressive', 'flow', 'vae', 'diffusion', 'gan'].map((name) => [name, { stepsMin: 30, stepsMax: 30 }]),
    );
    const report = await chooseAugmentation(
      {
        ...input,
        features: featureMatrix(columns, values),
        settings: AugmentSettingsSchema.parse({
          ...quick,
          ...{ draws: 1, shares: [1], validationShare: 0.5 },
          generators: ['gaussian-mixture', 'autoregressive', 'flow', 'vae', 'diffusion', 'gan', 'smote', 'duplicate'],
        }),
        parameters: { 'gradient-boosting': { trees: 10 }, ...networks },
      },
      context(),
    );
    expect(report.failed).toEqual([]);
    expect(report.tried.length).toBe(8);
    expect(report.tried.find(({ generator }) => generator === 'duplicate')!.quality.copies).toBe(1);
  });

  it('a generator that fails is left out with its reason', async () => {
    const both = { ...settings, generators: ['vae' as const, 'duplicate' as const], shares: [1] };
    const report = await chooseAugmentation(
      { ...world(7, ball, { rows: 800 }), settings: both, parameters: { vae: { hidden: -1 } } },
      context(),
    );
    expect(report.failed).toEqual([{ generator: 'vae', reason: expect.stringContaining('"hidden" is -1') as string }]);
    expect(report.tried.map(({ generator }) => generator)).toEqual(['duplicate']);
  });

  it('wrong arguments and a cancelled run end it with a sentence', async () => {
    const input = world(8, ball, { rows: 800 });
    await expect(chooseAugmentation({ ...input, estimator: 'flow' }, context())).rejects.toThrow('"flow" is none');
    await expect(chooseAugmentation({ ...input, entities: new Int32Array(3) }, context())).rejects.toThrow(
      '3 entities for 800 rows',
    );
    const stop = new AbortController();
    const steps: string[] = [];
    const onProgress: TrainingContext['onProgress'] = (step) => {
      steps.push(step);
      if (step.includes('gaussian-mixture')) stop.abort(new Error('enough'));
    };
    await expect(chooseAugmentation(input, context({ signal: stop.signal, onProgress }))).rejects.toThrow('enough');
    expect(steps[0]).toBe('augmentation, without, fit 1 of 2');
  });
});
