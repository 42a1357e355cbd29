// The passes of ../tree-shap.ts, which says what they compute. Addresses are bytes, numbers float64, integers 32 bits. V8 makes a branch
// of a select between floats, so what a row does not take is multiplied by 0 instead.
import { COLUMN_MASK, stepOf } from './packed-test';

/** Bytes of a tree: its first fork, how many branches, how many twigs, sixes of its points. */
// @ts-ignore: decorator
@inline const TREE: usize = 16;
/** Bytes of a fork: its test, the edge above it of the same column, the slots of its children. */
// @ts-ignore: decorator
@inline const PLACES: usize = 16;
/** Bytes of a fork: the shares of its children, the values of those that are leaves. */
// @ts-ignore: decorator
@inline const NUMBERS: usize = 32;
/** Bytes of an edge for a row: the share of its column, 1 or 0 for whether the row takes it. */
// @ts-ignore: decorator
@inline const EDGE: usize = 16;
/** Bytes of a fork for a row: the share of its column above it, start and slope of the factors of its children. */
// @ts-ignore: decorator
@inline const FACTORS: usize = 40;
/** Bytes of a value at six points: three vectors, written out instead of a loop. */
// @ts-ignore: decorator
@inline const SIX: usize = 48;

/**
 * Adds a row's Shapley values to `terms`, by column. Of the forest: `trees`, `places` and `numbers` by fork, `rules`. Of the row:
 * `cells`. For the largest tree: `edges`, `factors`, `products` and `sums`, by slot.
 */
export function addShapley(
  trees: usize, count: i32, places: usize, numbers: usize, rules: usize,
  cells: usize, edges: usize, factors: usize, products: usize, sums: usize, terms: usize,
): void {
  store<f64>(edges, 1);
  store<f64>(edges, 1, 8);
  memory.fill(sums, 0, SIX);
  for (let tree = 0; tree < count; tree++, trees += TREE) {
    const branches = <usize>load<u32>(trees, 4);
    const forks = branches + <usize>load<u32>(trees, 8);
    if (forks == 0) continue;
    // The first fork's slot is 1.
    const first = <usize>load<u32>(trees) - 1;
    const placesAt = places + first * PLACES;
    const numbersAt = numbers + first * NUMBERS;
    follow(forks, placesAt, numbersAt, cells, edges, factors);
    const sixes = <usize>load<u32>(trees, 12);
    let points = rules + SIX * sixes * (sixes - 1);
    for (let six: usize = 0; six < sixes; six++, points += SIX) {
      memory.copy(products + SIX, points + SIX * sixes, SIX);
      for (let fork: usize = 1; fork <= branches; fork++) {
        const place = placesAt + fork * PLACES;
        const left = products + <usize>load<u32>(place, 8) * SIX;
        const right = products + <usize>load<u32>(place, 12) * SIX;
        goDown(factors + fork * FACTORS, points, products + fork * SIX, sums + fork * SIX, left, right);
      }
      for (let fork = branches + 1; fork <= forks; fork++) {
        const term = turn(numbersAt + fork * NUMBERS, factors + fork * FACTORS, points, products + fork * SIX, sums + fork * SIX);
        addTerm(terms, placesAt + fork * PLACES, term);
      }
      for (let fork = branches; fork > 0; fork--) {
        const place = placesAt + fork * PLACES;
        const left = sums + <usize>load<u32>(place, 8) * SIX;
        const right = sums + <usize>load<u32>(place, 12) * SIX;
        const number = numbersAt + fork * NUMBERS;
        const factor = factors + fork * FACTORS;
        addTerm(terms, place, goUp(number, factor, points, products + fork * SIX, sums + fork * SIX, left, right));
      }
    }
  }
}

/** Which way the row goes at each fork of a tree, and what that makes of the factors. */
// @ts-ignore: decorator
@inline function follow(forks: usize, places: usize, numbers: usize, cells: usize, edges: usize, factors: usize): void {
  for (let fork: usize = 1; fork <= forks; fork++) {
    const place = places + fork * PLACES;
    const number = numbers + fork * NUMBERS;
    const above = edges + <usize>load<u32>(place, 4) * EDGE;
    const z = load<f64>(above);
    const isTaken = load<f64>(above, 8);
    const right = isTaken * <f64>stepOf(load<u32>(place), cells);
    const left = isTaken - right;
    const zLeft = z * load<f64>(number);
    const zRight = z * load<f64>(number, 8);
    const factor = factors + fork * FACTORS;
    store<f64>(factor, z);
    store<f64>(factor, zLeft, 8);
    store<f64>(factor, left - isTaken * zLeft, 16);
    store<f64>(factor, zRight, 24);
    store<f64>(factor, right - isTaken * zRight, 32);
    const own = edges + 2 * fork * EDGE;
    store<f64>(own, left * zLeft + (1 - left));
    store<f64>(own, left, 8);
    store<f64>(own, right * zRight + (1 - right), 16);
    store<f64>(own, right, 24);
  }
}

/** From a branch's product to its children's. It loses its own column's factor, whose inverse waits in its sum. */
// @ts-ignore: decorator
@inline function goDown(factor: usize, points: usize, product: usize, sum: usize, left: usize, right: usize): void {
  const z = v128.load64_splat(factor), slope = f64x2.splat(1 - load<f64>(factor));
  const t0 = v128.load(points), t1 = v128.load(points, 16), t2 = v128.load(points, 32);
  const inverse0 = inverseOf(z, t0, slope), inverse1 = inverseOf(z, t1, slope), inverse2 = inverseOf(z, t2, slope);
  const others0 = f64x2.mul(v128.load(product), inverse0);
  const others1 = f64x2.mul(v128.load(product, 16), inverse1);
  const others2 = f64x2.mul(v128.load(product, 32), inverse2);
  storeSix(product, others0, others1, others2);
  storeSix(sum, inverse0, inverse1, inverse2);
  const startLeft = v128.load64_splat(factor, 8), slopeLeft = v128.load64_splat(factor, 16);
  const startRight = v128.load64_splat(factor, 24), slopeRight = v128.load64_splat(factor, 32);
  storeSix(
    left,
    f64x2.mul(others0, line(startLeft, t0, slopeLeft)),
    f64x2.mul(others1, line(startLeft, t1, slopeLeft)),
    f64x2.mul(others2, line(startLeft, t2, slopeLeft)),
  );
  storeSix(
    right,
    f64x2.mul(others0, line(startRight, t0, slopeRight)),
    f64x2.mul(others1, line(startRight, t1, slopeRight)),
    f64x2.mul(others2, line(startRight, t2, slopeRight)),
  );
}

/** The sum of a twig, and its term. */
// @ts-ignore: decorator
@inline function turn(number: usize, factor: usize, points: usize, product: usize, sum: usize): f64 {
  const z = v128.load64_splat(factor), slopeAbove = f64x2.splat(1 - load<f64>(factor));
  const start = f64x2.splat(startOfLeaves(number, factor)), slope = f64x2.splat(slopeOfLeaves(number, factor));
  const t0 = v128.load(points), t1 = v128.load(points, 16), t2 = v128.load(points, 32);
  const inverse0 = inverseOf(z, t0, slopeAbove), inverse1 = inverseOf(z, t1, slopeAbove), inverse2 = inverseOf(z, t2, slopeAbove);
  const own0 = f64x2.mul(line(start, t0, slope), inverse0);
  const own1 = f64x2.mul(line(start, t1, slope), inverse1);
  const own2 = f64x2.mul(line(start, t2, slope), inverse2);
  storeSix(sum, own0, own1, own2);
  const term0 = termOf(f64x2.mul(v128.load(product), inverse0), slope, slopeAbove, own0);
  const term1 = termOf(f64x2.mul(v128.load(product, 16), inverse1), slope, slopeAbove, own1);
  const term2 = termOf(f64x2.mul(v128.load(product, 32), inverse2), slope, slopeAbove, own2);
  return lanes(f64x2.add(f64x2.add(term0, term1), term2));
}

/** The sum of a branch, and its term. */
// @ts-ignore: decorator
@inline function goUp(number: usize, factor: usize, points: usize, product: usize, sum: usize, left: usize, right: usize): f64 {
  const start = f64x2.splat(startOfLeaves(number, factor)), slope = f64x2.splat(slopeOfLeaves(number, factor));
  const startLeft = v128.load64_splat(factor, 8), slopeLeft = v128.load64_splat(factor, 16);
  const startRight = v128.load64_splat(factor, 24), slopeRight = v128.load64_splat(factor, 32);
  const slopeAbove = f64x2.splat(1 - load<f64>(factor));
  const left0 = v128.load(left), left1 = v128.load(left, 16), left2 = v128.load(left, 32);
  const right0 = v128.load(right), right1 = v128.load(right, 16), right2 = v128.load(right, 32);
  const starts0 = line(line(start, left0, startLeft), right0, startRight);
  const starts1 = line(line(start, left1, startLeft), right1, startRight);
  const starts2 = line(line(start, left2, startLeft), right2, startRight);
  const slopes0 = line(line(slope, left0, slopeLeft), right0, slopeRight);
  const slopes1 = line(line(slope, left1, slopeLeft), right1, slopeRight);
  const slopes2 = line(line(slope, left2, slopeLeft), right2, slopeRight);
  const own0 = f64x2.mul(line(starts0, v128.load(points), slopes0), v128.load(sum));
  const own1 = f64x2.mul(line(starts1, v128.load(points, 16), slopes1), v128.load(sum, 16));
  const own2 = f64x2.mul(line(starts2, v128.load(points, 32), slopes2), v128.load(sum, 32));
  storeSix(sum, own0, own1, own2);
  const term0 = termOf(v128.load(product), slopes0, slopeAbove, own0);
  const term1 = termOf(v128.load(product, 16), slopes1, slopeAbove, own1);
  const term2 = termOf(v128.load(product, 32), slopes2, slopeAbove, own2);
  return lanes(f64x2.add(f64x2.add(term0, term1), term2));
}

/** Of the children that are leaves; the value of others is 0. */
// @ts-ignore: decorator
@inline function startOfLeaves(number: usize, factor: usize): f64 {
  return load<f64>(factor, 8) * load<f64>(number, 16) + load<f64>(factor, 24) * load<f64>(number, 24);
}

// @ts-ignore: decorator
@inline function slopeOfLeaves(number: usize, factor: usize): f64 {
  return load<f64>(factor, 16) * load<f64>(number, 16) + load<f64>(factor, 32) * load<f64>(number, 24);
}

/** 1 / (z + t (1 - z)) */
// @ts-ignore: decorator
@inline function inverseOf(z: v128, t: v128, slope: v128): v128 {
  return f64x2.div(f64x2.splat(1), line(z, t, slope));
}

// @ts-ignore: decorator
@inline function storeSix(at: usize, first: v128, second: v128, third: v128): void {
  v128.store(at, first);
  v128.store(at, second, 16);
  v128.store(at, third, 32);
}

/** What a test gives its column, less what the test above it gave for the same leaves. */
// @ts-ignore: decorator
@inline function termOf(others: v128, slopes: v128, slopeAbove: v128, own: v128): v128 {
  return f64x2.mul(others, f64x2.sub(slopes, f64x2.mul(slopeAbove, own)));
}

// @ts-ignore: decorator
@inline function line(start: v128, t: v128, slope: v128): v128 {
  return f64x2.add(start, f64x2.mul(t, slope));
}

// @ts-ignore: decorator
@inline function lanes(pair: v128): f64 {
  return f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1);
}

// @ts-ignore: decorator
@inline function addTerm(terms: usize, place: usize, term: f64): void {
  const column = terms + (<usize>(load<u32>(place) & COLUMN_MASK) << 3);
  store<f64>(column, load<f64>(column) + term);
}
