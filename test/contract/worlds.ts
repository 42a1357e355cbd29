import { type FeatureColumn, type FeatureMatrix, featureMatrix, numericColumn } from '../../src/domain/feature-matrix.js';
import { createRandom, type Random } from '../../src/domain/random.js';

/** How one coordinate of a world comes from a number t of the real line: x = at(t), with the log of its slope. */
interface Coordinate {
  readonly at: (t: number) => number;
  readonly logSlope: (t: number) => number;
}

/** A distribution whose density is known. */
export interface KnownWorld {
  readonly name: string;
  readonly dimensions: number;
  readonly coordinates: readonly Coordinate[];
  /** Where t has all but a negligible part of its mass, in every coordinate. */
  readonly range: readonly [from: number, to: number];
  draw(rowCount: number, seed: number): { features: FeatureMatrix; logProb: Float64Array };
}

const LOG_SQRT_2PI = 0.5 * Math.log(2 * Math.PI);
const identity: Coordinate = { at: (t) => t, logSlope: () => 0 };
const linear: Coordinate = { at: (t) => 10 + 3 * t, logSlope: () => Math.log(3) };
const lognormal: Coordinate = { at: (t) => Math.exp(0.7 * t), logSlope: (t) => Math.log(0.7) + 0.7 * t };

const columnsOf = (dimensions: number): FeatureColumn[] => Array.from({ length: dimensions }, (_, c) => numericColumn(`x${c}`));

const world = (
  name: string,
  coordinates: readonly Coordinate[],
  range: readonly [number, number],
  drawRow: (random: Random, row: Float64Array) => number,
): KnownWorld => ({
  name,
  dimensions: coordinates.length,
  coordinates,
  range,
  draw(rowCount, seed) {
    const random = createRandom(seed);
    const width = coordinates.length;
    const values = new Float32Array(rowCount * width);
    const logProb = new Float64Array(rowCount);
    const row = new Float64Array(width);
    for (let r = 0; r < rowCount; r += 1) {
      logProb[r] = drawRow(random, row);
      coordinates.forEach(({ at, logSlope }, c) => {
        values[r * width + c] = at(row[c]!);
        logProb[r]! -= logSlope(row[c]!);
      });
    }
    return { features: featureMatrix(columnsOf(width), values), logProb };
  },
});

const CORRELATION = 0.6;

/** A Gaussian chain t_c = 0.6 t_(c-1) + 0.8 noise, each t standard normal. */
const chain = (random: Random, row: Float64Array): number => {
  let logProb = 0;
  for (let c = 0; c < row.length; c += 1) {
    const noise = random.normal();
    const spread = c === 0 ? 1 : Math.sqrt(1 - CORRELATION ** 2);
    row[c] = (c === 0 ? 0 : CORRELATION * row[c - 1]!) + spread * noise;
    logProb -= 0.5 * noise * noise + Math.log(spread) + LOG_SQRT_2PI;
  }
  return logProb;
};

const twoPeaks = (random: Random, row: Float64Array): number => {
  row[0] = random.uniform() < 0.7 ? random.normal() : 4 + 0.5 * random.normal();
  const first = (0.7 * Math.exp(-0.5 * row[0] ** 2)) / Math.exp(LOG_SQRT_2PI);
  const second = (0.3 * Math.exp(-0.5 * ((row[0] - 4) / 0.5) ** 2)) / (0.5 * Math.exp(LOG_SQRT_2PI));
  return Math.log(first + second);
};

export const line = world('1 dimension, two peaks', [identity], [-12, 16], twoPeaks);
export const plane = world('2 dimensions, one lognormal', [linear, lognormal], [-7, 7], chain);
export const space = world(
  '8 dimensions, four lognormal',
  Array.from({ length: 8 }, (_, c) => (c % 2 === 0 ? linear : lognormal)),
  [-7, 7],
  chain,
);

const COLOURS = ['red', 'green', 'blue'];

/**
 * Purchases: amount, speed (related), hour (six values), colour (shifts the speed). Planted anomalies are obvious: the
 * amount is a hundred times too large and the speed six deviations off.
 *
 * @param names the leading columns' names, where an estimator requires some
 */
export const drawPurchases = (
  rowCount: number,
  seed: number,
  { anomalous = false, names = [] }: { anomalous?: boolean; names?: readonly string[] } = {},
): FeatureMatrix => {
  const random = createRandom(seed);
  const columns: FeatureColumn[] = [
    ...['amount', 'speed', 'hour'].map((name, c) => numericColumn(names[c] ?? name)),
    { name: 'colour', field: 'colour', kind: 'categorical', levels: COLOURS, risk: 'both' },
  ];
  const values = new Float32Array(rowCount * columns.length);
  for (let r = 0; r < rowCount; r += 1) {
    const size = random.normal();
    const colour = random.uniform() < 0.6 ? 0 : random.uniform() < 0.7 ? 1 : 2;
    const speed = 0.7 * size + 0.5 * random.normal() + colour;
    values.set(
      [Math.exp(size) * (anomalous ? 100 : 1), speed + (anomalous ? 6 : 0), random.integer(6), colour],
      r * columns.length,
    );
  }
  return featureMatrix(columns, values);
};

/** Columns that broke detectors before; the last ones categorical. */
export const drawAwkward = (rowCount: number, seed: number, names: readonly string[] = []): FeatureMatrix => {
  const random = createRandom(seed);
  const level = (count: number): string[] => Array.from({ length: count }, (_, i) => `level ${i}`);
  const kinds = [
    'normal',
    'duplicate',
    'constant',
    'tiny',
    'huge',
    'binary',
    'always missing',
    'often missing',
    'spike',
    'heavy',
  ];
  const columns: FeatureColumn[] = [
    ...kinds.map((name, c) => numericColumn(names[c] ?? name)),
    { name: 'one level', field: 'one level', kind: 'categorical', levels: level(1), risk: 'both' },
    { name: 'many levels', field: 'many levels', kind: 'categorical', levels: level(80), risk: 'both' },
    { name: 'missing level', field: 'missing level', kind: 'categorical', levels: level(3), risk: 'both' },
  ];
  const rows = Array.from({ length: rowCount }, () => {
    const x = random.normal();
    const numbers = [x, x, 7, x * 1e-38, x * 1e37, x > 1 ? 1 : 0, NaN, random.uniform() < 0.5 ? NaN : x];
    const spike = random.uniform() < 0.4 ? 0 : Math.exp(x);
    return [...numbers, spike, Math.exp(8 * x), 0, random.integer(80), random.uniform() < 0.2 ? NaN : random.integer(3)];
  });
  return featureMatrix(columns, Float32Array.from(rows.flat()));
};
