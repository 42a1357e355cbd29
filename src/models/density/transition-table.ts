/** Which types came before, latest first, and which came then; -1 where an earlier one is not known. */
export interface Step {
  readonly type: number;
  readonly before: number;
  readonly beforeThat: number;
}

/**
 * Transitions between `size` types as hierarchical Dirichlet posteriors (MacKay & Peto 1995):
 *   P(k)       = (n_k + 1/2) / (n + size / 2)                  (Krichevsky & Trofimov 1981)
 *   P(k | j)   = (n_jk + a P(k)) / (n_j + a)
 *   P(k | i j) = (n_ijk + b P(k | j)) / (n_ij + b)
 * so a context with few steps says what the shorter one says, and nothing has probability 0.
 */
export interface TransitionTable {
  readonly size: number;
  readonly singles: Float64Array;
  /** size x size, [before, type]. */
  readonly pairs: Float64Array;
  /** size^3, [beforeThat, before, type]; empty for a chain of order 1. */
  readonly triples: Float64Array;
  /** a, in steps. */
  readonly pairStrength: number;
  /** b, in steps. */
  readonly tripleStrength: number;
}

const total = (counts: Float64Array, from: number, size: number): number => {
  let sum = 0;
  for (let i = from; i < from + size; i += 1) sum += counts[i]!;
  return sum;
};

/** P(type | the contexts known), for every type. */
export const nextProbabilities = (table: TransitionTable, before: number, beforeThat: number): Float64Array => {
  const { size, singles, pairs, triples, pairStrength, tripleStrength } = table;
  const n = total(singles, 0, size);
  let probabilities = singles.map((count) => (count + 0.5) / (n + 0.5 * size));
  const condition = (counts: Float64Array, from: number, strength: number): void => {
    const all = total(counts, from, size) + strength;
    probabilities = probabilities.map((p, k) => (counts[from + k]! + strength * p) / all);
  };
  if (before >= 0) condition(pairs, before * size, pairStrength);
  if (before >= 0 && beforeThat >= 0 && triples.length > 0)
    condition(triples, (beforeThat * size + before) * size, tripleStrength);
  return probabilities;
};

/** Strengths that are tried: in steps, from "hardly any" to "thousands". */
const STRENGTHS = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000];

/** A cell that some step met. */
interface Cell {
  readonly at: number;
  readonly count: number;
  /** Steps of its context. */
  readonly all: number;
}

const cellsOf = (counts: Float64Array, size: number): Cell[] => {
  const cells: Cell[] = [];
  for (let from = 0; from < counts.length; from += size) {
    const all = total(counts, from, size);
    for (let at = from; all > 0 && at < from + size; at += 1) if (counts[at]! > 0) cells.push({ at, count: counts[at]!, all });
  }
  return cells;
};

/** log-likelihood of every step by the others, as if it had not been counted. */
const leftOut = (cells: readonly Cell[], strength: number, shorter: (cell: number) => number): number =>
  cells.reduce(
    (sum, { at, count, all }) => sum + count * Math.log((count - 1 + strength * shorter(at)) / (all - 1 + strength)),
    0,
  );

const bestStrength = (likelihood: (strength: number) => number): { strength: number; logLikelihood: number } => {
  let best = { strength: STRENGTHS[0]!, logLikelihood: -Infinity };
  for (const strength of STRENGTHS) {
    const logLikelihood = likelihood(strength);
    if (logLikelihood > best.logLikelihood) best = { strength, logLikelihood };
  }
  return best;
};

/**
 * Strengths and order are those under which each step is likeliest by all the others (leave-one-out, in closed form).
 * Cost: one pass over the steps, a dozen over the tables.
 */
export const fitTransitions = (steps: Iterable<Step>, size: number, orderMax: 1 | 2): TransitionTable => {
  const singles = new Float64Array(size);
  const pairs = new Float64Array(size * size);
  const triples = new Float64Array(orderMax === 2 ? size ** 3 : 0);
  /** Steps with two known ones before them: what an order of 2 is judged by. */
  const known = new Float64Array(orderMax === 2 ? size * size : 0);
  for (const { type, before, beforeThat } of steps) {
    singles[type]! += 1;
    if (before < 0) continue;
    pairs[before * size + type]! += 1;
    if (beforeThat < 0 || orderMax === 1) continue;
    triples[(beforeThat * size + before) * size + type]! += 1;
    known[before * size + type]! += 1;
  }
  const single = nextProbabilities({ size, singles, pairs, triples, pairStrength: 1, tripleStrength: 1 }, -1, -1);
  const pairCells = cellsOf(pairs, size);
  const { strength: pairStrength } = bestStrength((strength) => leftOut(pairCells, strength, (at) => single[at % size]!));
  const first: TransitionTable = { size, singles, pairs, triples: new Float64Array(0), pairStrength, tripleStrength: 0 };
  if (orderMax === 1) return first;

  /** P(type | before) without the step itself, at [before, type]. */
  const shorter = pairs.map((count, at) => {
    const from = at - (at % size);
    return (
      (Math.max(0, count - 1) + pairStrength * single[at % size]!) / (Math.max(0, total(pairs, from, size) - 1) + pairStrength)
    );
  });
  const without = known.reduce((sum, count, at) => sum + (count > 0 ? count * Math.log(shorter[at]!) : 0), 0);
  const tripleCells = cellsOf(triples, size);
  const second = bestStrength((strength) => leftOut(tripleCells, strength, (at) => shorter[at % (size * size)]!));
  // The strength was chosen to win: it pays for itself as a parameter does in BIC.
  const price = 0.5 * Math.log(Math.max(1, total(singles, 0, size)));
  return second.logLikelihood > without + price ? { ...first, triples, tripleStrength: second.strength } : first;
};

const STATIONARY_STEPS = 1000;

/** The distribution that one step of the chain of order 1 leaves as it is: power iteration, to 1e-12. */
export const stationaryDistribution = (table: TransitionTable): Float64Array => {
  const { size } = table;
  const rows = Array.from({ length: size }, (_, i) => nextProbabilities(table, i, -1));
  let now = new Float64Array(size).fill(1 / size);
  for (let step = 0; step < STATIONARY_STEPS; step += 1) {
    const next = new Float64Array(size);
    rows.forEach((row, i) => row.forEach((p, k) => (next[k]! += now[i]! * p)));
    const change = next.reduce((most, p, k) => Math.max(most, Math.abs(p - now[k]!)), 0);
    now = next;
    if (change < 1e-12) break;
  }
  return now;
};
