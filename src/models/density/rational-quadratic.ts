import type { Engine, Tensor } from '../../tensor/engine.js';

/**
 * Monotone rational-quadratic splines (Gregory and Delbourgo 1982; Durkan et al. 2019, section 3.1): K bins on
 * [-BOUND, BOUND] with slope 1 at both ends, the identity beyond.
 *
 * A coordinate's spline has 3 K - 1 raw parameters: K widths and K heights (softmax), K - 1 inner slopes (softplus).
 * Raw columns: for every coordinate its K widths, for every coordinate its K heights, then the slopes bin by bin.
 */
export const BOUND = 5;
const WIDTH_MIN = 1e-3;
const SLOPE_MIN = 1e-3;
/** The raw slope whose slope is 1. */
export const UNIT_SLOPE = Math.log(Math.expm1(1 - SLOPE_MIN));

export const rawColumns = (coordinates: number, bins: number): number => coordinates * (3 * bins - 1);

/** Widths, heights and the slopes at the left and the right end of every bin, each rows x (bins x coordinates), bin by bin. */
interface Splines {
  readonly widths: Tensor;
  readonly heights: Tensor;
  readonly left: Tensor;
  readonly right: Tensor;
}

const splinesOf = (engine: Engine, raw: Tensor, coordinates: number, bins: number): Splines => {
  const block = coordinates * bins;
  const shares = engine.softmax(engine.slice(raw, 0, 2 * block), bins);
  const lengths = engine.offset(engine.scale(shares, 2 * BOUND * (1 - bins * WIDTH_MIN)), 2 * BOUND * WIDTH_MIN);
  const byBin = (from: number): Int32Array =>
    Int32Array.from({ length: block }, (_, at) => from + (at % coordinates) * bins + Math.floor(at / coordinates));
  const slopes = engine.offset(engine.softplus(engine.slice(raw, 2 * block, raw.columns)), SLOPE_MIN);
  const ones = engine.offset(engine.zeros(raw.rows, coordinates), 1);
  return {
    widths: engine.pick(lengths, byBin(0)),
    heights: engine.pick(lengths, byBin(block)),
    left: engine.concat([ones, slopes]),
    right: engine.concat([slopes, ones]),
  };
};

/** Sums over the bins before each, by doubling: log2(K) additions. */
const before = (engine: Engine, lengths: Tensor, coordinates: number): Tensor => {
  const shifted = (a: Tensor, columns: number): Tensor =>
    engine.concat([engine.zeros(a.rows, columns), engine.slice(a, 0, a.columns - columns)]);
  let sums = shifted(lengths, coordinates);
  for (let reach = coordinates; reach < lengths.columns; reach *= 2) sums = engine.add(sums, shifted(sums, reach));
  return sums;
};

const sumOverBins = (engine: Engine, values: Tensor, coordinates: number): Tensor => {
  let sum = engine.slice(values, 0, coordinates);
  for (let from = coordinates; from < values.columns; from += coordinates)
    sum = engine.add(sum, engine.slice(values, from, from + coordinates));
  return sum;
};

/**
 * y and log dy/dx, each rows x coordinates.
 *
 * No bin is looked up: every bin sees x clipped into it, so that bins below x add their whole height, bins above nothing,
 * and the logarithms of the slopes, each relative to the bin's left end, telescope.
 */
export const splineForward = (engine: Engine, raw: Tensor, x: Tensor, bins: number): { y: Tensor; logSlope: Tensor } => {
  const { widths, heights, left, right } = splinesOf(engine, raw, x.columns, bins);
  const starts = engine.offset(before(engine, widths, x.columns), -BOUND);
  const everyBin = engine.concat(new Array<Tensor>(bins).fill(x));
  const share = engine.clip(engine.div(engine.sub(everyBin, starts), widths), 0, 1);
  const rest = engine.offset(engine.neg(share), 1);
  const product = engine.mul(share, rest);
  const square = engine.square(share);
  const restSquare = engine.square(rest);
  const flatness = engine.div(widths, heights);
  const start = engine.mul(left, flatness);
  const end = engine.mul(right, flatness);
  // Sums of positive terms only: float32 keeps them positive however steep the bin is.
  const below = engine.add(engine.add(square, restSquare), engine.mul(engine.add(start, end), product));
  const rise = engine.div(engine.add(square, engine.mul(start, product)), below);
  const bend = engine.add(engine.add(engine.mul(end, square), engine.mul(start, restSquare)), engine.scale(product, 2));
  const logSlopes = engine.log(engine.div(bend, engine.mul(start, engine.square(below))));
  const inside = engine.offset(sumOverBins(engine, engine.mul(heights, rise), x.columns), -BOUND);
  return {
    y: engine.add(inside, engine.sub(x, engine.clip(x, -BOUND, BOUND))),
    logSlope: sumOverBins(engine, logSlopes, x.columns),
  };
};

/** x of y, rows x coordinates, in float64; never recorded. */
export const splineInverse = (engine: Engine, raw: Tensor, y: Float32Array, coordinates: number, bins: number): Float64Array => {
  const splines = splinesOf(engine, raw, coordinates, bins);
  const [widths, heights, left, right] = [splines.widths, splines.heights, splines.left, splines.right].map((part) =>
    engine.read(part),
  ) as [Float32Array, Float32Array, Float32Array, Float32Array];
  return Float64Array.from(y, (value, at) => {
    if (!(Math.abs(value) < BOUND)) return value;
    let bin = Math.floor(at / coordinates) * coordinates * bins + (at % coordinates);
    const last = bin + (bins - 1) * coordinates;
    let [x, bottom] = [-BOUND, -BOUND];
    for (; bin < last && bottom + heights[bin]! <= value; bin += coordinates) {
      x += widths[bin]!;
      bottom += heights[bin]!;
    }
    const flatness = widths[bin]! / heights[bin]!;
    const [start, end] = [left[bin]! * flatness, right[bin]! * flatness];
    const target = Math.min(1, (value - bottom) / heights[bin]!);
    const bent = target * (start + end - 2);
    const [a, b] = [1 - start + bent, start - bent];
    return x + (widths[bin]! * (2 * target)) / (b + Math.sqrt(b * b + 4 * a * target));
  });
};
