import { type FeatureColumn, featureMatrix, numericColumn } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import { checkColumns, encodeRows, fitEncoder, isContinuous, logSlopes } from './column-encoder.js';

const colour: FeatureColumn = { name: 'colour', field: 'colour', kind: 'categorical', levels: ['red', 'green'], risk: 'both' };
const columns = [numericColumn('x'), numericColumn('spike'), numericColumn('constant'), colour];
const random = createRandom(1);
const features = featureMatrix(
  columns,
  Float32Array.from(
    Array.from({ length: 400 }, (_, r) => [
      random.normal(),
      r % 4 === 0 ? 0 : 1 + random.uniform(),
      7,
      r % 3 === 0 ? 1 : 0,
    ]).flat(),
  ),
);

describe('column encoder', () => {
  const encoder = fitEncoder(features, { transform: 'quantile-normal', atoms: true });
  const odd = featureMatrix(columns, Float32Array.of(NaN, 0, 8, 2, Infinity, 1.5, 7, NaN));
  const rows = encodeRows(encoder, odd);

  it('splits cells into outcomes and z', () => {
    const [x, spike, constant] = encoder.columns;
    expect([...rows.outcomes]).toEqual([1, 0, 1, 2, 0, 1, 0, 3]);
    expect(rows.z[0]).toBe(0);
    expect(isContinuous(x!, 0)).toBe(true);
    expect(isContinuous(x!, 1)).toBe(false);
    expect([...spike!.atoms]).toEqual([0]);
    expect(constant!.apart).toBe(true);
    expect(Number.isFinite(rows.z[4]!)).toBe(true);
    expect(rows.z[4]!).toBeGreaterThan(10);
  });

  it('gives every outcome a probability, together one', () => {
    for (const { logFrequencies } of encoder.columns)
      expect(logFrequencies.reduce((sum, log) => sum + Math.exp(log), 0)).toBeCloseTo(1, 12);
  });

  it('leaves the slope out where a cell is no continuous value', () => {
    const [first] = logSlopes(encoder, featureMatrix(columns, Float32Array.of(NaN, 0, 7, 0)), encodeRows(encoder, odd, 0, 1), 0);
    expect(Number.isFinite(first)).toBe(true);
    const plain = featureMatrix(columns, Float32Array.of(NaN, 0, 7, 0));
    expect([...logSlopes(encoder, plain, encodeRows(encoder, plain), 0)]).toEqual([0]);
  });

  it('names the column that does not fit', () => {
    const renamed = featureMatrix([numericColumn('y'), ...columns.slice(1)], Float32Array.of(0, 0, 7, 0));
    expect(() => checkColumns(encoder, renamed)).toThrow(/numeric "y".*numeric "x"/);
    const releveled = featureMatrix(
      [...columns.slice(0, 3), { ...colour, levels: ['green', 'red'] }],
      Float32Array.of(0, 0, 7, 0),
    );
    expect(() => checkColumns(encoder, releveled)).toThrow(/column "colour" has other levels/);
    expect(() => fitEncoder(featureMatrix(columns, new Float32Array(4)), { transform: 'asinh', atoms: false })).toThrow(/1 rows/);
  });
});
