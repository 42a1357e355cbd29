import { featureMatrix, numericColumn, selectRows, type FeatureColumn, type FeatureMatrix } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import { createSimdBackend } from '../tensor/simd.js';
import { GENERATORS, type Generator } from './augment-settings.js';
import { drawControlled, supportsOf } from './row-control.js';
import { fitGenerator } from './synthetic-rows.js';

const kind: FeatureColumn = { name: 'kind', field: 'kind', kind: 'categorical', levels: ['a', 'b', 'c'], risk: 'both' };
const columns = [numericColumn('amount'), numericColumn('count'), kind, numericColumn('gap'), numericColumn('constant')];

/** Sixty frauds: amounts about 200, a count that goes with them, level c in a third, a gap in a quarter. */
const frauds = ((): FeatureMatrix => {
  const random = createRandom(11);
  const rows = Array.from({ length: 60 }, (_, r) => {
    const size = random.normal();
    return [200 + 20 * size, Math.round(10 + 3 * size), r % 3 === 0 ? 2 : 0, r % 4 === 0 ? NaN : random.normal(), 7];
  });
  return featureMatrix(columns, Float32Array.from(rows.flat()));
})();

const context = (signal?: AbortSignal) => ({
  random: createRandom(1),
  backend: createSimdBackend(),
  ...(signal && { signal }),
});
const column = ({ values }: FeatureMatrix, c: number): number[] => [...values].filter((_, at) => at % columns.length === c);
const mean = (of: readonly number[]): number => of.reduce((sum, value) => sum + value / of.length, 0);

describe.each(GENERATORS)('generator %s', (name: Generator) => {
  it('draws frauds as they are: levels, gaps, whole numbers, a constant column', async () => {
    const source = await fitGenerator(name, frauds, context());
    const { rows, rejectedShare } = drawControlled(source, 300, supportsOf(frauds), createRandom(2));
    expect(rejectedShare).toBeLessThan(0.75);
    expect(rows.rowCount).toBe(300);
    expect(Math.abs(mean(column(rows, 0)) - 200)).toBeLessThan(15);
    for (const count of column(rows, 1)) expect(Number.isInteger(count)).toBe(true);
    expect(new Set(column(rows, 2))).toEqual(new Set([0, 2]));
    expect(Math.abs(mean(column(rows, 3).map((gap) => (Number.isNaN(gap) ? 1 : 0))) - 0.25)).toBeLessThan(0.15);
    expect(new Set(column(rows, 4))).toEqual(new Set([7]));
  });

  it('is fitted on three frauds, on equal ones, and by seed', async () => {
    const hasSteps = !['gaussian-mixture', 'smote', 'duplicate'].includes(name);
    const quick = () => ({ ...context(), ...(hasSteps && { parameters: { stepsMin: 20, stepsMax: 20 } }) });
    const three = await fitGenerator(name, selectRows(frauds, [1, 2, 3]), quick());
    expect(drawControlled(three, 5, supportsOf(frauds), createRandom(1)).rows.values).toEqual(
      drawControlled(await fitGenerator(name, selectRows(frauds, [1, 2, 3]), quick()), 5, supportsOf(frauds), createRandom(1))
        .rows.values,
    );
    const equal = await fitGenerator(name, selectRows(frauds, [1, 1, 1, 1]), quick());
    expect([...equal(2, createRandom(1)).values]).toEqual([...selectRows(frauds, [1, 1]).values]);
  });
});

it('a generator stops when it is told to', async () => {
  const signal = AbortSignal.abort(new Error('enough'));
  for (const name of GENERATORS) await expect(fitGenerator(name, frauds, context(signal))).rejects.toThrow('enough');
});
