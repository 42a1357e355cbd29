import { z } from 'zod';
import type { FeatureColumn, FeatureMatrix } from '../domain/feature-matrix.js';
import type { Artifact } from './artifact.js';
import type { Detector, Estimator, FitContext, Terms, TrainingData } from './detector.js';
import { betweenSteps } from './fit-rows.js';
import { parseParameters } from './parameters.js';
import { firstAtLeast, survivalTable } from './survival-table.js';
import { tailScaleOf } from './tail-scale.js';

/**
 * Channel T (models.md 7.1): T(x) = Σ -log P(X_c at least as risky as x_c), each column by its own direction of risk.
 * It looks only where fraud lies; a joint density spends its surprise on harmless rarities.
 */

/** P(X >= x) of one column: counted up to `start`, an exponential tail beyond. */
interface TailTable {
  readonly knots: Float64Array;
  readonly survival: Float64Array;
  /** n, tail start, tail share, tail scale, 1 when every distinct value is a knot. */
  readonly tail: Float64Array;
}

/** Least probability of one column, so that no single field outweighs all others: 69 nats. */
const PROBABILITY_MIN = 1e-30;
/** Prior count of every level, unseen and missing included. */
const LEVEL_PRIOR = 0.5;

/** @param values finite, any order, at least one */
const fitTable = (values: Float64Array): TailTable => {
  const sorted = values.slice().sort();
  const n = sorted.length;
  const count = Math.min(n - 1, Math.max(1, Math.floor(n / 50)));
  const start = sorted[n - 1 - count]!;
  const { knots, survival, exact } = survivalTable(sorted);
  const share = Math.max(count, 0.5) / n;
  return { knots, survival, tail: Float64Array.of(n, start, share, tailScaleOf(sorted, start, count), exact ? 1 : 0) };
};

/** Of a table made of a known distribution: its probabilities hold down to one in so many. */
const KNOWN_ROWS = 1e12;
/** Knots of a known distribution: log-odds of its probability, from near 1 down to 1e-12. */
const KNOWN_LOG_ODDS = Float64Array.from({ length: 900 }, (_, i) => 8 - i / 25);

/** @param upper x with P(X >= x) = p; falling in p */
const knownTable = (upper: (p: number) => number): TailTable => {
  const points = Array.from(KNOWN_LOG_ODDS, (z) => 1 / (1 + Math.exp(-z)))
    .map((p) => ({ x: upper(p), p }))
    .filter(({ x }, i, all) => i === 0 || x > all[i - 1]!.x);
  const [before, last] = points.slice(-2) as [(typeof points)[number], (typeof points)[number]];
  const scale = (last.x - before.x) / Math.log(before.p / last.p);
  return {
    knots: Float64Array.from(points, ({ x }) => x),
    survival: Float64Array.from(points, ({ p }) => KNOWN_ROWS * p),
    tail: Float64Array.of(KNOWN_ROWS, last.x, last.p, scale, 0),
  };
};

const tailProbability = ({ knots, survival, tail }: TailTable, x: number): number => {
  const [n, start, share, scale, exact] = tail as unknown as [number, number, number, number, number];
  if (x > start) return Math.max(PROBABILITY_MIN, share * Math.exp(-(x - start) / scale));
  const i = firstAtLeast(knots, x);
  let count = survival[i]!;
  // Between two knots of a thinned table the count is interpolated; with every value a knot it is exact.
  if (exact === 0 && i > 0 && knots[i] !== x)
    count += ((knots[i]! - x) / (knots[i]! - knots[i - 1]!)) * (survival[i - 1]! - count);
  return (count + 0.5) / (n + 1);
};

/** There is nothing to choose: models.md 7.1 fixed it. */
const Parameters = z.strictObject({});

/** What is kept of one column: tables for its direction, or a surprisal per level. */
interface TailColumn {
  readonly column: FeatureColumn;
  readonly position: number;
  readonly up?: TailTable;
  /** Table of -x. */
  readonly down?: TailTable;
  /** -log frequency of each level, of an unseen one and of a missing cell. */
  readonly surprisal?: Float64Array;
}

const fitColumn = (features: FeatureMatrix, column: FeatureColumn, position: number): TailColumn => {
  const width = features.columns.length;
  const cells = Float64Array.from({ length: features.rowCount }, (_, r) => features.values[r * width + position]!);
  if (column.kind === 'categorical') {
    const counts = new Float64Array(column.levels.length + 2).fill(LEVEL_PRIOR);
    for (const cell of cells) counts[Number.isNaN(cell) ? column.levels.length + 1 : cell]! += 1;
    const total = counts.reduce((sum, x) => sum + x, 0);
    return { column, position, surprisal: counts.map((count) => -Math.log(count / total)) };
  }
  const present = cells.filter((x) => Number.isFinite(x));
  // A column that is always missing carries no evidence: no table, and its terms are 0.
  if (present.length === 0) return { column, position };
  const up = column.risk === 'down' ? undefined : fitTable(present);
  const down = column.risk === 'up' ? undefined : fitTable(present.map((x) => -x));
  return { column, position, ...(up && { up }), ...(down && { down }) };
};

/** Nats of one cell; a missing numeric cell is no evidence. */
const termOf = ({ column, up, down, surprisal }: TailColumn, cell: number): number => {
  if (surprisal) return surprisal[Number.isNaN(cell) ? column.levels.length + 1 : cell]!;
  if (!Number.isFinite(cell)) return 0;
  if (up && down) return -Math.log(Math.min(1, 2 * Math.min(tailProbability(up, cell), tailProbability(down, -cell))));
  const table = up ?? down;
  return table ? -Math.log(tailProbability(table, up ? cell : -cell)) : 0;
};

class TailDetector implements Detector {
  readonly estimator = 'tail';

  constructor(
    private readonly inputs: readonly string[],
    private readonly tails: readonly TailColumn[],
  ) {}

  score(features: FeatureMatrix): Float64Array {
    const { values } = this.terms(features);
    const width = this.tails.length;
    return Float64Array.from({ length: features.rowCount }, (_, r) => {
      let sum = 0;
      for (let c = 0; c < width; c += 1) sum += values[r * width + c]!;
      return sum;
    });
  }

  terms(features: FeatureMatrix): Terms {
    const names = features.columns.map((column) => column.name);
    if (names.join() !== this.inputs.join())
      throw new TypeError(`tail: the columns are ${names.join(', ')}; it was fitted on ${this.inputs.join(', ')}`);
    const width = this.tails.length;
    const values = new Float64Array(features.rowCount * width);
    this.tails.forEach((tail, c) => {
      for (let r = 0; r < features.rowCount; r += 1)
        values[r * width + c] = termOf(tail, features.values[r * names.length + tail.position]!);
    });
    return { columns: this.tails.map(({ column }) => column.name), values };
  }

  save(): Artifact {
    const arrays: Record<string, Float64Array> = {};
    const keep = (key: string, table: TailTable | undefined): void => {
      if (table) for (const part of ['knots', 'survival', 'tail'] as const) arrays[`${key}.${part}`] = table[part];
    };
    for (const { position, up, down, surprisal } of this.tails) {
      keep(`${position}.up`, up);
      keep(`${position}.down`, down);
      if (surprisal) arrays[`${position}.surprisal`] = surprisal;
    }
    const columns = this.tails.map(({ column, position }) => ({ column, position }));
    return { estimator: this.estimator, meta: { inputs: this.inputs, columns }, arrays };
  }
}

/** A distribution that is known without rows: x with P(X >= x) = p, and x with P(X <= x) = p; 0 < p < 1. */
export interface KnownDistribution {
  readonly upper: (p: number) => number;
  readonly lower: (p: number) => number;
}

/** A tail channel of known distributions, of each numeric column with a risk. Levels, of which nothing is known, say nothing. */
export const knownTails = (columns: readonly FeatureColumn[], of: (column: FeatureColumn) => KnownDistribution): Detector => {
  const tails = columns.flatMap((column, position): TailColumn[] => {
    if (column.risk === 'none' || column.kind === 'categorical') return [];
    const { upper, lower } = of(column);
    return [
      {
        column,
        position,
        ...(column.risk !== 'down' && { up: knownTable(upper) }),
        ...(column.risk !== 'up' && { down: knownTable((p) => -lower(p)) }),
      },
    ];
  });
  return new TailDetector(
    columns.map((column) => column.name),
    tails,
  );
};

/**
 * Tail channel. Columns: every one whose `risk` is not `none`: `up` P(X >= x), `down` P(X <= x), `both`
 * 2 min of the two, a categorical its level's frequency. Tables of at most 2,000 knots. Without such a column T is 0.
 *
 * Fit on recent unlabelled traffic. Cost: one sort per column.
 */
export const tail: Estimator = {
  name: 'tail',
  family: 'classic',
  likelihood: 'none',
  supervised: false,

  async fit({ features }: TrainingData, context: FitContext): Promise<Detector> {
    if (features.rowCount === 0) throw new TypeError('tail: 0 rows; expected at least one');
    parseParameters('tail', Parameters, context.parameters);
    const tails: TailColumn[] = [];
    for (const [position, column] of features.columns.entries()) {
      if (column.risk !== 'none') tails.push(fitColumn(features, column, position));
      await betweenSteps(context, (position + 1) / features.columns.length, `tail of ${column.name}`);
    }
    return new TailDetector(
      features.columns.map((column) => column.name),
      tails,
    );
  },

  load(artifact: Artifact): Detector {
    if (artifact.estimator !== 'tail') throw new Error(`tail cannot load an artifact of ${artifact.estimator}`);
    const arrays = artifact.arrays as Readonly<Record<string, Float64Array | undefined>>;
    const table = (key: string): TailTable | undefined => {
      const knots = arrays[`${key}.knots`];
      return knots && { knots, survival: arrays[`${key}.survival`]!, tail: arrays[`${key}.tail`]! };
    };
    const meta = artifact.meta as { inputs: readonly string[]; columns: readonly { column: FeatureColumn; position: number }[] };
    const tails = meta.columns.map(({ column, position }): TailColumn => {
      const up = table(`${position}.up`);
      const down = table(`${position}.down`);
      const surprisal = arrays[`${position}.surprisal`];
      return { column, position, ...(up && { up }), ...(down && { down }), ...(surprisal && { surprisal }) };
    });
    return new TailDetector(meta.inputs, tails);
  },
};
