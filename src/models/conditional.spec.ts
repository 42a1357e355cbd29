import { type FeatureColumn, type FeatureMatrix, featureMatrix, numericColumn } from '../domain/feature-matrix.js';
import { createRandom, type Random } from '../domain/random.js';
import { type ColumnEncoder, encodeRows, type EncodedRows, fitEncoder } from './column-encoder.js';
import { sampleGiven } from './conditional.js';
import { usualGivenRest } from './density/usual-given-rest.js';

const CORRELATION = 0.9;
/** A chain of five standard normals, each 0.9 times the one before plus noise. */
const drawChain = (random: Random): number[] => {
  const row = [random.normal()];
  while (row.length < 5) row.push(CORRELATION * row.at(-1)! + Math.sqrt(1 - CORRELATION ** 2) * random.normal());
  return row;
};
const chainSurprisal = (row: ArrayLike<number>): number => {
  let sum = 0.5 * row[0]! ** 2;
  for (let c = 1; c < row.length; c += 1) sum += 0.5 * ((row[c]! - CORRELATION * row[c - 1]!) ** 2 / (1 - CORRELATION ** 2));
  return sum;
};

/** A level, 0 with probability 0.7, and a number N(3 level, 1). */
const drawMixed = (random: Random): number[] => {
  const level = random.uniform() < 0.7 ? 0 : 1;
  return [level, 3 * level + random.normal()];
};
const mixedSurprisal = ([level, x]: readonly number[]): number =>
  -Math.log(level === 0 ? 0.7 : 0.3) + 0.5 * (x! - 3 * level!) ** 2;

const CHAIN = Array.from({ length: 5 }, (_, c) => numericColumn(`x${c}`));
const MIXED: FeatureColumn[] = [
  { name: 'level', field: 'level', kind: 'categorical', levels: ['a', 'b'], risk: 'both' },
  numericColumn('x'),
];

interface Truth {
  readonly encoder: ColumnEncoder;
  readonly score: (rows: EncodedRows) => Float64Array;
  readonly draw: (n: number, random: Random) => EncodedRows;
}
/** A model that is the truth. Numbers are sinh of the world's, which `asinh` undoes: z is the world's own. */
const truth = (
  columns: readonly FeatureColumn[],
  drawRow: (random: Random) => number[],
  surprisal: (row: readonly number[]) => number,
): Truth => {
  const table = (n: number, random: Random): FeatureMatrix => {
    const rows = Array.from({ length: n }, () => drawRow(random));
    return featureMatrix(
      columns,
      Float32Array.from(rows.flatMap((row) => row.map((x, c) => (columns[c]!.kind === 'numeric' ? Math.sinh(x) : x)))),
    );
  };
  const fitted = fitEncoder(table(500, createRandom(1)), { transform: 'asinh', atoms: false });
  const encoder = {
    columns: fitted.columns.map((each) => (each.map ? { ...each, map: { ...each.map, center: 0, scale: 1 } } : each)),
  };
  return {
    encoder,
    score: ({ rowCount, width, outcomes, z }) =>
      Float64Array.from({ length: rowCount }, (_, r) =>
        surprisal(columns.map(({ kind }, c) => (kind === 'numeric' ? z[r * width + c]! : outcomes[r * width + c]!))),
      ),
    draw: (n, random) => encodeRows(encoder, table(n, random)),
  };
};
const chain = truth(CHAIN, drawChain, chainSurprisal);
const mixed = truth(MIXED, drawMixed, mixedSurprisal);

/** Of one column of rows, in the world's own numbers. */
const momentsOf = ({ columns, values }: FeatureMatrix, c: number): { mean: number; deviation: number } => {
  const cells = [...values].filter((_, at) => at % columns.length === c);
  const numbers = columns[c]!.kind === 'numeric' ? cells.map(Math.asinh) : cells;
  const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  return { mean, deviation: Math.sqrt(numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length) };
};

// By the formulas for a Gaussian chain: given both neighbours, mean 0.9 (a + b) / 1.81 and variance 0.19 / 1.81; given the one
// before or after, mean 0.9 a and variance 0.19. Standard errors of 2,000 independent rows are 0.02 deviations; these are
// worth some 1,300, and far from where the pool lies 4 times fewer.
test('given two columns of a chain, the other three have their conditional means and deviations', () => {
  const drawn = sampleGiven(chain, 2000, createRandom(2), { x1: Math.sinh(1), x3: Math.sinh(-1) });
  expect(drawn.effectiveSize).toBeGreaterThan(1000);
  expect(drawn.effectiveSize).toBeLessThanOrEqual(2000);
  for (const [c, mean, variance] of [
    [0, 0.9, 0.19],
    [2, 0, 0.19 / 1.81],
    [4, -0.9, 0.19],
  ] as const) {
    const moments = momentsOf(drawn, c);
    expect(Math.abs(moments.mean - mean)).toBeLessThan(0.05);
    expect(Math.abs(moments.deviation / Math.sqrt(variance) - 1)).toBeLessThan(0.06);
  }
  expect(momentsOf(drawn, 1)).toEqual({ mean: expect.closeTo(1, 6) as number, deviation: expect.closeTo(0, 6) as number });
});

test('given what no draw comes near, the sweeps find the way', () => {
  const drawn = sampleGiven(chain, 1000, createRandom(3), { x0: Math.sinh(4), x4: Math.sinh(-4) });
  const { mean, deviation } = momentsOf(drawn, 2);
  // Two steps from each end: correlation 0.81, variance (1 - 0.81^2) / (1 + 0.81^2).
  expect(Math.abs(mean)).toBeLessThan(0.1);
  expect(Math.abs(deviation / Math.sqrt(0.3439 / 1.6561) - 1)).toBeLessThan(0.12);
});

test('a level given a number has its probability by Bayes, a number given a level its distribution', () => {
  // log odds of b: log(0.3 / 0.7) + (x^2 - (x - 3)^2) / 2
  const odds = (0.3 / 0.7) * Math.exp(0.5 * (1.8 ** 2 - 1.2 ** 2));
  const byNumber = sampleGiven(mixed, 3000, createRandom(2), { x: Math.sinh(1.8) });
  expect(momentsOf(byNumber, 0).mean).toBeCloseTo(odds / (1 + odds), 1);
  const byLevel = momentsOf(sampleGiven(mixed, 3000, createRandom(2), { level: 1 }), 1);
  expect(Math.abs(byLevel.mean - 3)).toBeLessThan(0.08);
  expect(Math.abs(byLevel.deviation - 1)).toBeLessThan(0.06);
});

test('without a density the nearest draws stand in', () => {
  const { encoder, draw } = chain;
  const drawn = sampleGiven({ encoder, draw }, 1000, createRandom(2), { x1: Math.sinh(1) });
  expect(Math.abs(momentsOf(drawn, 2).mean - 0.9)).toBeLessThan(0.15);
  // Few draws come near 2.5 deviations: each stands for several rows.
  const rare = sampleGiven({ encoder, draw }, 1000, createRandom(2), { x1: Math.sinh(2.5) });
  expect(rare.effectiveSize).toBeLessThan(700);
});

test('the same seed draws the same rows; wrong names and levels are refused by name', () => {
  const once = sampleGiven(mixed, 50, createRandom(4), { level: 0 });
  expect(sampleGiven(mixed, 50, createRandom(4), { level: 0 })).toEqual(once);
  expect(() => sampleGiven(mixed, 1, createRandom(4), { size: 1 })).toThrow(
    new TypeError('no column "size"; there are level, x'),
  );
  expect(() => sampleGiven(mixed, 1, createRandom(4), { level: 3 })).toThrow(/column "level": 3 is no level/);
});

test('what is usual given the rest: quantiles of the conditional Gaussian, and the most usual level', () => {
  const rest = featureMatrix(CHAIN, Float32Array.of(0, 1, 5, -1, 2).map(Math.sinh));
  const { low, median, high } = usualGivenRest(chain.encoder, chain.score, rest);
  for (const [c, mean, variance] of [
    [0, 0.9, 0.19],
    [1, (0.9 * 5) / 1.81, 0.19 / 1.81],
    [4, -0.9, 0.19],
  ] as const) {
    expect(Math.asinh(median[c]!)).toBeCloseTo(mean, 2);
    expect(Math.asinh(low[c]!)).toBeCloseTo(mean - 1.645 * Math.sqrt(variance), 1.5);
    expect(Math.asinh(high[c]!)).toBeCloseTo(mean + 1.645 * Math.sqrt(variance), 1.5);
  }
  const levels = usualGivenRest(mixed.encoder, mixed.score, featureMatrix(MIXED, Float32Array.of(0, Math.sinh(3))));
  expect(levels.median[0]).toBe(1);
  expect(levels.low[0]).toBeNaN();
});
