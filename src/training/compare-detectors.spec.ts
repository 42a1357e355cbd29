import { featureMatrix, numericColumn, type FeatureMatrix } from '../domain/feature-matrix.js';
import type { Detector, Estimator } from '../models/detector.js';
import { compareDetectors, type CompareInput } from './compare-detectors.js';
import type { EvaluateContext } from './evaluate-detectors.js';

const rowCount = 400;
// Every tenth row is a fraud; the value says so with noise of a fixed pattern.
const labels = Uint8Array.from({ length: rowCount }, (_, i) => (i % 10 === 9 ? 1 : 0));
const features = featureMatrix(
  [numericColumn('x'), numericColumn('y')],
  Float32Array.from({ length: 2 * rowCount }, (_, i) => (i % 2 === 0 ? labels[i / 2]! * 3 + ((i * 7919) % 101) / 25 : i)),
);
const split = Uint8Array.from({ length: rowCount }, (_, i) => (i < rowCount / 2 ? 1 : 0));

const scoring = (name: string, column: number, more: Partial<Estimator> = {}): Estimator => ({
  name,
  family: 'classic',
  likelihood: 'none',
  supervised: false,
  fit: () =>
    Promise.resolve<Detector>({
      estimator: name,
      score: ({ columns, rowCount: n, values }: FeatureMatrix) =>
        Float64Array.from({ length: n }, (_, r) => values[r * columns.length + column]!),
      save: () => ({ estimator: name, meta: {}, arrays: { weights: new Float64Array(100) } }),
    }),
  load: () => {
    throw new Error('not loaded here');
  },
  ...more,
});
const good = scoring('good', 0, { likelihood: 'exact' });
const blind = scoring('blind', 1);

const compare = (detectors: readonly Estimator[], more: Partial<CompareInput> = {}, signal?: AbortSignal) => {
  let clock = 0;
  return compareDetectors(
    {
      protocol: 'one-class',
      features,
      labels,
      split,
      detectors,
      seeds: 1,
      parameters: {},
      budget: 0.05,
      isOrdered: false,
      ...more,
    },
    { now: () => (clock += 500), ...(signal && { signal }) } as unknown as EvaluateContext,
  );
};

describe('compare', () => {
  it('judges the best first, with every figure', async () => {
    const result = await compare([blind, good], { seeds: 2 });
    expect(result.detectors.map(({ name }) => name)).toEqual(['good', 'blind']);
    expect(result).toMatchObject({
      trainRows: 180,
      trainFrauds: 0,
      testRows: 200,
      testFrauds: 20,
      leftOut: [],
      isCancelled: false,
    });
    const [first] = result.detectors;
    expect(first).toMatchObject({ likelihood: 'exact', learnsLabels: false });
    expect(first!.seeds).toHaveLength(2);
    expect(first!.mean).toMatchObject({ fitSeconds: 0.5, scoreRowsPerSecond: 400, probabilityError: null });
    // Ten alerts of 200 rows, all frauds: legitimate values end at 4, the highest ten frauds lie above.
    const top = result.labels.filter((label, i) => label === 1 && first!.scores[i]! > 4).length;
    expect(top).toBeGreaterThanOrEqual(10);
    expect(first!.mean).toMatchObject({ precisionAtBudget: 1, recallAtBudget: expect.closeTo(0.5, 1) as number });
    // 800 bytes of weights and a header.
    expect(first!.mean.artifactBytes).toBeGreaterThan(800);
    expect(first!.mean.artifactBytes).toBeLessThan(1200);
  });

  it('leaves out what cannot run, with the reason, and nothing silently', async () => {
    const failing = scoring('failing', 0, { fit: () => Promise.reject(new TypeError('failing: 0 categorical columns')) });
    const broken = scoring('broken', 0, {
      fit: async (data, context) => ({
        ...(await good.fit(data, context)),
        score: ({ rowCount: n }) => new Float64Array(n).fill(NaN),
      }),
    });
    const wanting = scoring('wanting', 0, { requires: ['markov'] });
    const { detectors, leftOut } = await compare([scoring('taught', 0, { supervised: true }), failing, broken, wanting, good]);
    expect(detectors.map(({ name }) => name)).toEqual(['good']);
    expect(Object.fromEntries(leftOut.map(({ name, reason }) => [name, reason]))).toEqual({
      taught: 'learns from labels; protocol one-class has none (--protocol supervised)',
      failing: 'failing: 0 categorical columns',
      broken: 'a calibration window holds the score NaN; expected finite numbers',
      wanting: 'needs the feature "markov", which these data lack',
    });
    await expect(compare([failing])).rejects.toThrow(/no detector could be judged; failing: failing: 0 categorical/);
  });

  it('cancelled, it keeps what is finished', async () => {
    const controller = new AbortController();
    const slow = scoring('slow', 0, {
      fit: () => {
        controller.abort(new Error('cancelled'));
        return Promise.reject(new Error('cancelled'));
      },
    });
    const result = await compare([good, slow, blind], {}, controller.signal);
    expect(result.isCancelled).toBe(true);
    expect(result.detectors.map(({ name }) => name)).toEqual(['good']);
    expect(result.leftOut).toEqual([
      { name: 'slow', reason: 'cancelled during its fit' },
      { name: 'blind', reason: 'not begun when the comparison was cancelled' },
    ]);
  });

  it('takes an estimator its own columns, and parts instead of a split', async () => {
    const seen: number[] = [];
    const counting = scoring('counting', 0, {
      fit: (data, context) => {
        seen.push(data.features.columns.length, data.features.rowCount);
        return good.fit(data, context);
      },
    });
    const parts = { train: Uint32Array.of(0, 1, 2), test: Uint32Array.from({ length: 100 }, (_, i) => 100 + i) };
    const result = await compare([counting], { parts, featuresOf: (matrix) => ({ ...matrix, columns: matrix.columns }) });
    expect(seen).toEqual([2, 3]);
    expect(result).toMatchObject({ trainRows: 3, testRows: 100, testFrauds: 10 });
  });
});
