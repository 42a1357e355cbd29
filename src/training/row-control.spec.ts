import { featureMatrix, numericColumn, type FeatureColumn, type FeatureMatrix } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import { controlledCell, drawControlled, supportsOf } from './row-control.js';

const kind: FeatureColumn = { name: 'kind', field: 'kind', kind: 'categorical', levels: ['a', 'b', 'c'], risk: 'both' };
const columns = [numericColumn('amount'), numericColumn('count'), numericColumn('flag'), numericColumn('risk'), kind];
const real = featureMatrix(
  columns,
  Float32Array.from(
    Array.from({ length: 200 }, (_, r) => [
      1.5 + r + (r === 199 ? 0 : 0.001 * r), // no end: every value once
      r === 7 ? NaN : r, // whole, may miss
      r % 2 === 0 ? 0.5 : -1, // two values
      r < 50 ? 0 : r / 200, // a floor at 0
      r % 3 === 0 ? 3 : 0, // level 3 is "unseen by training"; 1 and 2 never occur
    ]).flat(),
  ),
);
const supports = supportsOf(real);
const cell = (column: number, value: number): number | null => controlledCell(supports[column]!, value);

describe('control of generated rows', () => {
  it('keeps a number within what real rows have, and refuses one beyond', () => {
    expect(cell(0, 77.25)).toBe(77.25);
    expect(cell(0, 1.4)).toBeNull();
    expect(cell(0, 201)).toBeNull();
    expect(cell(0, Infinity)).toBeNull();
    expect(cell(0, NaN)).toBeNull();
  });

  it('makes whole what is whole, and lets miss what may miss', () => {
    expect(cell(1, 12.6)).toBe(13);
    expect(cell(1, 199.4)).toBe(199);
    expect(cell(1, 199.6)).toBeNull();
    expect(cell(1, NaN)).toBeNaN();
  });

  it('takes the nearest of few values', () => {
    expect(cell(2, 0.2)).toBe(0.5);
    expect(cell(2, -0.9)).toBe(-1);
    expect(cell(2, -0.3)).toBe(-1);
  });

  it('puts what lies beyond a floor on it', () => {
    expect(cell(3, -4)).toBe(0);
    expect(cell(3, 1.2)).toBeNull();
  });

  it('knows only the levels that occur', () => {
    expect(cell(4, 0)).toBe(0);
    expect(cell(4, 3)).toBe(3);
    expect(cell(4, 1)).toBeNull();
    expect(cell(4, 0.5)).toBeNull();
    expect(cell(4, NaN)).toBeNull();
  });

  it('refuses any number in a column that never has one', () => {
    const [only] = supportsOf(featureMatrix([numericColumn('x')], Float32Array.of(NaN, NaN)));
    expect(controlledCell(only!, 0)).toBeNull();
    expect(controlledCell(only!, NaN)).toBeNaN();
  });

  it('reports what it rejected, and gives up on a generator that is always wrong', () => {
    const row = [50, 3, 0.5, 0.5, 0];
    const source =
      (wrong: (r: number) => boolean) =>
      (n: number): FeatureMatrix =>
        featureMatrix(
          columns,
          Float32Array.from(Array.from({ length: n }, (_, r) => (wrong(r) ? [-5, ...row.slice(1)] : row)).flat()),
        );
    const half = drawControlled(
      source((r) => r % 2 === 0),
      100,
      supports,
      createRandom(1),
    );
    expect(half.rows.rowCount).toBe(100);
    expect(half.rejectedShare).toBeCloseTo(0.5, 2);
    expect(half.worst).toMatchObject({ column: 'amount' });
    const never = drawControlled(
      source(() => true),
      100,
      supports,
      createRandom(1),
    );
    expect(never).toMatchObject({ rejectedShare: 1, worst: { column: 'amount', share: 1 } });
    expect(never.rows.rowCount).toBe(0);
    expect(
      drawControlled(
        source(() => false),
        10,
        supports,
        createRandom(1),
      ),
    ).toMatchObject({ rejectedShare: 0, worst: null });
  });
});
