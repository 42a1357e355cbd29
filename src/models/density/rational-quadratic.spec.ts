import { createRandom } from '../../domain/random.js';
import { Engine } from '../../tensor/engine.js';
import { createSimdBackend } from '../../tensor/simd.js';
import { BOUND, rawColumns, splineForward, splineInverse, UNIT_SLOPE } from './rational-quadratic.js';

const [BINS, COORDINATES, ROWS] = [5, 2, 200];
const engine = new Engine(createSimdBackend());

/** Durkan et al. 2019, equations 4 and 5 as printed: the bin is looked up, all in float64. */
const oracle = (raw: Float32Array, x: number, coordinate: number): { y: number; logSlope: number } => {
  if (Math.abs(x) >= BOUND) return { y: x, logSlope: 0 };
  const lengths = (from: number): number[] => {
    const powers = Array.from({ length: BINS }, (_, k) => Math.exp(raw[from + k]!));
    const total = powers.reduce((sum, value) => sum + value, 0);
    return powers.map((value) => 2 * BOUND * (1e-3 + (1 - BINS * 1e-3) * (value / total)));
  };
  const widths = lengths(coordinate * BINS);
  const heights = lengths((COORDINATES + coordinate) * BINS);
  const slope = (knot: number): number => {
    if (knot === 0 || knot === BINS) return 1;
    return 1e-3 + Math.log1p(Math.exp(raw[2 * COORDINATES * BINS + (knot - 1) * COORDINATES + coordinate]!));
  };
  let [k, left, bottom] = [0, -BOUND, -BOUND];
  for (; k < BINS - 1 && left + widths[k]! <= x; k += 1) [left, bottom] = [left + widths[k]!, bottom + heights[k]!];
  const secant = heights[k]! / widths[k]!;
  const share = (x - left) / widths[k]!;
  const below = secant + (slope(k + 1) + slope(k) - 2 * secant) * share * (1 - share);
  const rise = secant * share ** 2 + slope(k) * share * (1 - share);
  const bend = slope(k + 1) * share ** 2 + 2 * secant * share * (1 - share) + slope(k) * (1 - share) ** 2;
  return { y: bottom + (heights[k]! * rise) / below, logSlope: Math.log((secant ** 2 * bend) / below ** 2) };
};

const forward = (raw: Float32Array, x: Float32Array): { y: Float32Array; logSlope: Float32Array } =>
  engine.scope(() => {
    const columns = engine.constant(ROWS, rawColumns(COORDINATES, BINS), raw);
    const { y, logSlope } = splineForward(engine, columns, engine.constant(ROWS, COORDINATES, x), BINS);
    return { y: engine.read(y), logSlope: engine.read(logSlope) };
  });

const random = createRandom(5);
const x = Float32Array.from({ length: ROWS * COORDINATES }, (_, i) => -7 + (14 * i) / (ROWS * COORDINATES));
const raw = Float32Array.from({ length: ROWS * rawColumns(COORDINATES, BINS) }, () => 1.5 * random.normal());

describe('rational-quadratic splines', () => {
  it('agree with the published formula, values and slopes', () => {
    const { y, logSlope } = forward(raw, x);
    const width = rawColumns(COORDINATES, BINS);
    x.forEach((value, at) => {
      const row = Math.floor(at / COORDINATES);
      const expected = oracle(raw.subarray(row * width, (row + 1) * width), value, at % COORDINATES);
      expect(Math.abs(y[at]! - expected.y)).toBeLessThan(2e-5);
      expect(Math.abs(logSlope[at]! - expected.logSlope)).toBeLessThan(2e-3);
    });
  });

  it('are undone by the inverse', () => {
    const { y, logSlope } = forward(raw, x);
    const back = engine.scope(() =>
      splineInverse(engine, engine.constant(ROWS, rawColumns(COORDINATES, BINS), raw), y, COORDINATES, BINS),
    );
    // Where the spline is flat, y's own rounding is worth more of x.
    x.forEach((value, at) => expect(Math.abs(value - back[at]!) * Math.exp(Math.min(0, logSlope[at]!))).toBeLessThan(2e-5));
  });

  it('are the identity with equal bins and unit slopes', () => {
    const identity = raw.map((_, i) => (i % rawColumns(COORDINATES, BINS) < 2 * COORDINATES * BINS ? 0 : UNIT_SLOPE));
    const { y, logSlope } = forward(identity, x);
    x.forEach((value, at) => expect(Math.abs(y[at]! - value) + Math.abs(logSlope[at]!)).toBeLessThan(1e-5));
  });
});
