import { type ColumnEncoder, type EncodedRows } from '../column-encoder.js';
import type { FitContext } from '../detector.js';
import { fitNode, type NetworkNode, type NodeSettings, within } from './bayesian-node.js';
import { arrowStrength, learnStructure, type States, type StructureSettings } from './bayesian-structure.js';
import { fitStates, type StateColumn, stateOf } from './conditional-table.js';

/** What people read of a learned structure: one arrow, by column names. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
  /** What `from` tells of `to` beyond its other parents, in nats a row. */
  readonly nats: number;
}

/** The learned network: nodes in an order in which each follows its parents. */
export interface Network {
  /** Every column of the encoder, in its order. */
  readonly states: readonly StateColumn[];
  readonly nodes: readonly NetworkNode[];
  readonly arrows: readonly Arrow[];
}

const BINS_MIN = 3;
const BINS_MAX = 8;
/** Bins grow with the cube root of the rows, as a histogram's do: BIC's penalty grows with their square. */
const binsFor = (rowCount: number): number => Math.min(BINS_MAX, Math.max(BINS_MIN, 1 + Math.floor(Math.cbrt(rowCount) / 4)));

/** Cells of all pairs of columns that structure learning may count: bounds its time for wide tables. */
const PAIR_CELLS_MAX = 3e8;

/** The columns `joint` as discrete variables; states that no row has are left out. */
const discretise = (columns: readonly StateColumn[], joint: readonly number[], rows: EncodedRows): States[] => {
  const affordable = Math.floor(PAIR_CELLS_MAX / Math.max(1, joint.length) ** 2);
  const rowCount = Math.min(rows.rowCount, Math.max(1000, affordable));
  return joint.map((c) => {
    const position = new Map<number, number>();
    const of = Uint16Array.from({ length: rowCount }, (_, i) => {
      const at = Math.floor((i * rows.rowCount) / rowCount) * rows.width + c;
      const state = stateOf(columns[c]!, rows.outcomes[at]!, rows.z[at]!);
      if (!position.has(state)) position.set(state, position.size);
      return position.get(state)!;
    });
    return { count: position.size, of };
  });
};

/** Share of the progress that learning the structure takes. */
const STRUCTURE_SHARE = 0.4;

export const fitNetwork = async (
  encoder: ColumnEncoder,
  rows: EncodedRows,
  { parentsMax, ...settings }: NodeSettings & StructureSettings,
  context: FitContext,
): Promise<Network> => {
  const joint = [...encoder.columns.keys()].filter((c) => !encoder.columns[c]!.apart);
  const states = encoder.columns.map((column, c) => fitStates(column, rows, c, binsFor(rows.rowCount)));
  const variables = discretise(states, joint, rows);
  const { parents, order } = await learnStructure(variables, { parentsMax }, within(context, 'structure', 0, STRUCTURE_SHARE));
  const arrows = order.flatMap((v) =>
    parents[v]!.map((p) => ({
      from: encoder.columns[joint[p]!]!.column.name,
      to: encoder.columns[joint[v]!]!.column.name,
      nats: arrowStrength(variables, v, parents[v]!, p),
    })),
  );
  const nodes: NetworkNode[] = [];
  for (const [i, v] of order.entries()) {
    const index = joint[v]!;
    const at = (step: number): number => STRUCTURE_SHARE + ((1 - STRUCTURE_SHARE) * step) / order.length;
    const stage = within(context, encoder.columns[index]!.column.name, at(i), at(i + 1));
    const family = parents[v]!.map((p) => joint[p]!);
    nodes.push(await fitNode(states, index, family, rows, settings, stage));
  }
  return { states, nodes, arrows };
};
