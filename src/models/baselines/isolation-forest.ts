import { z } from 'zod';
import type { Random } from '../../domain/random.js';
import { type ColumnEncoder, type EncodedRows, isContinuous, loadEncoder, saveEncoder } from '../column-encoder.js';
import { arrayOf, checkArtifact, forChunks } from '../density/density-model.js';
import { encodeTraining } from '../density/encode-training.js';
import type { Detector, Estimator } from '../detector.js';
import { betweenSteps, shuffledIndices } from '../fit-rows.js';

const NAME = 'isolation-forest';

const parametersSchema = z.strictObject({
  transform: z.enum(['quantile-normal', 'asinh']).default('asinh'),
  trees: z.int().min(1).max(10_000).default(200),
  sampleRows: z.int().min(2).max(100_000).default(256),
  rowsMax: z.int().min(2).max(1_000_000).default(50_000),
});

/**
 * Trees one after another in preorder: an inner node says its column and threshold and where its right child is, the left child
 * follows it; a leaf (column -1) says in `thresholds` the path length that ends there.
 */
interface Forest {
  readonly columns: Float64Array;
  readonly thresholds: Float64Array;
  readonly rights: Float64Array;
  readonly roots: Float64Array;
  /** Rows in each tree's sample. */
  readonly sampleRows: number;
}

const EULER = 0.5772156649015329;

/** Average path length of an unsuccessful search in a binary search tree of n rows: c(n) of Liu, Ting and Zhou (2008). */
const averagePath = (n: number): number => (n <= 1 ? 0 : n === 2 ? 1 : 2 * (Math.log(n - 1) + EULER) - (2 * (n - 1)) / n);

/**
 * One number a cell: z where there is one, else how rare the outcome is, in nats, and below every z for a missing number. Rare
 * levels thus lie apart from the frequent ones.
 */
const coordinates = ({ columns }: ColumnEncoder, { z, outcomes, width, rowCount }: EncodedRows): Float64Array => {
  const values = new Float64Array(rowCount * width);
  for (let at = 0; at < values.length; at += 1) {
    const column = columns[at % width]!;
    const outcome = outcomes[at]!;
    if (isContinuous(column, outcome) || (column.map && outcome < column.atoms.length)) values[at] = z[at]!;
    else values[at] = (column.map ? 1e6 : -1) * column.logFrequencies[outcome]!;
  }
  return values;
};

interface Growing {
  readonly values: Float64Array;
  readonly width: number;
  readonly depthMax: number;
  readonly random: Random;
  readonly nodes: { column: number; threshold: number; right: number }[];
}

/** A column in which the rows differ, drawn at random, and its range; null where all rows are equal. */
const drawColumn = (
  { values, width, random }: Growing,
  rows: Uint32Array,
): { column: number; low: number; high: number } | null => {
  for (const column of shuffledIndices(width, random)) {
    let low = Infinity;
    let high = -Infinity;
    for (const row of rows) {
      const value = values[row * width + column]!;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    if (low < high) return { column, low, high };
  }
  return null;
};

const grow = (tree: Growing, rows: Uint32Array, depth: number): void => {
  const drawn = depth < tree.depthMax && rows.length > 1 ? drawColumn(tree, rows) : null;
  if (!drawn) {
    tree.nodes.push({ column: -1, threshold: depth + averagePath(rows.length), right: -1 });
    return;
  }
  const { column, low, high } = drawn;
  // Halves first: the range itself may be beyond the largest number.
  const drawnAt = low + 2 * (high / 2 - low / 2) * tree.random.uniform();
  const threshold = drawnAt < high ? drawnAt : low;
  const isLeft = (row: number): boolean => tree.values[row * tree.width + column]! <= threshold;
  const node = { column, threshold, right: -1 };
  tree.nodes.push(node);
  grow(tree, rows.filter(isLeft), depth + 1);
  node.right = tree.nodes.length;
  grow(
    tree,
    rows.filter((row) => !isLeft(row)),
    depth + 1,
  );
};

/** Anomaly score 2^(-E[path] / c(sample)), in (0, 1). */
const scoreRow = (forest: Forest, values: Float64Array, start: number): number => {
  const { columns, thresholds, rights, roots, sampleRows } = forest;
  let sum = 0;
  for (const root of roots) {
    let node = root;
    while (columns[node]! >= 0) node = values[start + columns[node]!]! <= thresholds[node]! ? node + 1 : rights[node]!;
    sum += thresholds[node]!;
  }
  return 2 ** (-sum / roots.length / Math.max(averagePath(sampleRows), 1));
};

const create = (encoder: ColumnEncoder, forest: Forest): Detector => ({
  estimator: NAME,
  score(features) {
    const scores = new Float64Array(features.rowCount);
    forChunks(encoder, features, (rows, from) => {
      const values = coordinates(encoder, rows);
      for (let r = 0; r < rows.rowCount; r += 1) scores[from + r] = scoreRow(forest, values, r * rows.width);
    });
    return scores;
  },
  save() {
    const { meta: columns, values } = saveEncoder(encoder);
    const { sampleRows, columns: splits, ...arrays } = forest;
    return { estimator: NAME, meta: { columns, sampleRows }, arrays: { ...arrays, splits, columns: values } };
  },
});

/**
 * Isolation forest (Liu, Ting and Zhou 2008): how few random cuts set a row apart, over trees of small random samples. It knows
 * little of how columns hang together, and is hard to mislead by anomalies among its training rows, which small samples rarely
 * hold side by side.
 */
export const isolationForest: Estimator = {
  name: NAME,
  family: 'classic',
  likelihood: 'none',
  supervised: false,
  async fit(data, context) {
    const { parameters, encoder, rows } = encodeTraining(NAME, parametersSchema, data, context, { atoms: false });
    const values = coordinates(encoder, rows);
    const sampleRows = Math.min(parameters.sampleRows, rows.rowCount);
    const nodes: Growing['nodes'] = [];
    const roots = new Float64Array(parameters.trees);
    const depthMax = Math.ceil(Math.log2(Math.max(2, sampleRows)));
    for (let t = 0; t < parameters.trees; t += 1) {
      const random = context.random.fork(`tree ${t}`);
      roots[t] = nodes.length;
      grow(
        { values, width: rows.width, depthMax, random, nodes },
        shuffledIndices(rows.rowCount, random).subarray(0, sampleRows),
        0,
      );
      if (t % 20 === 19) await betweenSteps(context, (t + 1) / parameters.trees, `tree ${t + 1} of ${parameters.trees}`);
    }
    await betweenSteps(context, 1, `${parameters.trees} trees`);
    const list = (of: (node: Growing['nodes'][number]) => number): Float64Array => Float64Array.from(nodes, of);
    return create(encoder, {
      columns: list(({ column }) => column),
      thresholds: list(({ threshold }) => threshold),
      rights: list(({ right }) => right),
      roots,
      sampleRows,
    });
  },
  load(artifact) {
    checkArtifact(NAME, artifact);
    const array = (name: string): Float64Array => Float64Array.from(arrayOf(artifact, name));
    return create(loadEncoder(artifact), {
      columns: array('splits'),
      thresholds: array('thresholds'),
      rights: array('rights'),
      roots: array('roots'),
      sampleRows: artifact.meta['sampleRows'] as number,
    });
  },
};
