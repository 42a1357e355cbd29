import type { FeatureColumn, FeatureMatrix } from '../../domain/feature-matrix.js';
import type { Random } from '../../domain/random.js';
import { type ColumnEncoder, type EncodedRows, encodeRows, fitEncoder, openOutcome } from '../column-encoder.js';
import { networkInputs, networkLayout, type NetworkLayout } from '../density/autoregressive-network.js';
import { limitRows } from '../fit-rows.js';

/** Rows by which the columns' transforms are chosen. */
const ENCODER_ROWS = 50_000;
/** Standard deviations: wide enough for a terminal of frauds only, which lies 30 off, and no way to overflow. */
const INPUT_LIMIT = 100;
const LAG = /^lag([1-9]\d*)_(.+)$/;

/** Where the recent events lie in a table: per step (oldest first, the row itself last) and kind a column, -1: none. */
export interface SequenceColumns {
  readonly kinds: readonly string[];
  readonly steps: number;
  /** steps x kinds */
  readonly places: Int32Array;
}

const lagOf = ({ name, kind }: FeatureColumn): RegExpExecArray | null => (kind === 'numeric' ? LAG.exec(name) : null);

export const sequenceColumnsOf = (columns: readonly FeatureColumn[]): SequenceColumns => {
  const lags = columns.flatMap((column) => {
    const match = lagOf(column);
    return match ? [{ lag: Number(match[1]), kind: match[2]! }] : [];
  });
  const kinds = [...new Set(lags.map(({ kind }) => kind))];
  const steps = lags.length > 0 ? Math.max(...lags.map(({ lag }) => lag)) + 1 : 0;
  const find = (name: string): number => columns.findIndex((column) => column.name === name && column.kind === 'numeric');
  const places = Int32Array.from({ length: steps * kinds.length }, (_, at) => {
    const [lag, kind] = [steps - 1 - Math.floor(at / kinds.length), kinds[at % kinds.length]!];
    return lag === 0 && find(`lag0_${kind}`) < 0 ? find(kind) : find(`lag${lag}_${kind}`);
  });
  return { kinds, steps, places };
};

/** The steps of all rows as a table of its own, a column a kind: one transform serves every lag. */
const stepTable = ({ kinds, steps, places }: SequenceColumns, features: FeatureMatrix): FeatureMatrix => {
  const width = features.columns.length;
  const values = new Float32Array(features.rowCount * places.length);
  for (let at = 0; at < values.length; at += 1) {
    const place = places[at % places.length]!;
    values[at] = place < 0 ? NaN : features.values[Math.floor(at / places.length) * width + place]!;
  }
  const columns = kinds.map((name): FeatureColumn => ({ name, field: name, kind: 'numeric', levels: [], risk: 'none' }));
  return { columns, rowCount: features.rowCount * steps, values };
};

/** How a table becomes the inputs of a network: those of its recent events, and those of the row. */
export interface SequenceEncoder {
  /** All columns of the fit; the lags are set apart. */
  readonly row: ColumnEncoder;
  /** null: the table holds no lags. */
  readonly step: ColumnEncoder | null;
}

export const fitSequenceEncoder = (features: FeatureMatrix, random: Random): SequenceEncoder => {
  const limit = (table: FeatureMatrix, name: string): FeatureMatrix => limitRows(table, ENCODER_ROWS, random.fork(name));
  const options = { transform: 'standard', atoms: false } as const;
  const sequence = sequenceColumnsOf(features.columns);
  const { columns } = fitEncoder(limit(features, 'rows'), options);
  return {
    row: { columns: columns.map((column) => (lagOf(column.column) ? { ...column, apart: true } : column)) },
    step: sequence.steps > 0 ? fitEncoder(limit(stepTable(sequence, features), 'steps'), options) : null,
  };
};

/** Rows as they enter the network. */
export interface SequenceRows {
  readonly row: EncodedRows;
  readonly steps: EncodedRows | null;
}

/** What training never met counts as the rarest level that it did meet: a network says nothing of an input it has no weight for. */
const withRarestForUnseen = ({ columns }: ColumnEncoder, rows: EncodedRows): EncodedRows => {
  columns.forEach((column, c) => {
    if (column.map) return;
    const known = column.seen.filter((outcome) => outcome < openOutcome(column));
    if (known.length === 0) return;
    const rarest = known.reduce((a, b) => (column.counts[b]! < column.counts[a]! ? b : a));
    for (let at = c; at < rows.outcomes.length; at += rows.width)
      if (column.counts[rows.outcomes[at]!] === 0) rows.outcomes[at] = rarest;
  });
  return rows;
};

export const encodeSequences = (
  { row, step }: SequenceEncoder,
  features: FeatureMatrix,
  from = 0,
  to = features.rowCount,
): SequenceRows => {
  const width = features.columns.length;
  const part = { ...features, rowCount: to - from, values: features.values.subarray(from * width, to * width) };
  return {
    row: withRarestForUnseen(row, encodeRows(row, part)),
    steps: step ? encodeRows(step, stepTable(sequenceColumnsOf(features.columns), part)) : null,
  };
};

/** Sizes of the inputs. */
export interface SequenceLayout {
  readonly row: NetworkLayout;
  /** null: there are no events, or nothing in them varies. */
  readonly step: NetworkLayout | null;
  readonly steps: number;
}

export const sequenceLayout = ({ row, step }: SequenceEncoder): SequenceLayout => {
  const ofStep = step && networkLayout(step);
  return {
    row: networkLayout(row),
    step: ofStep && ofStep.inputs > 0 ? ofStep : null,
    steps: sequenceColumnsOf(row.columns.map(({ column }) => column)).steps,
  };
};

/** Inputs of the chosen rows (chosen x row.inputs) and of their steps (chosen · steps x step.inputs); `noise` for each z. */
export const inputsOf = (
  encoder: SequenceEncoder,
  layout: SequenceLayout,
  rows: SequenceRows,
  chosen: ArrayLike<number>,
  noise: () => number,
): { readonly row: Float32Array; readonly steps: Float32Array } => {
  const place = (part: EncodedRows, list: ArrayLike<number>) => (i: number, c: number) =>
    part.z[list[i]! * part.width + c]! + noise();
  const { steps } = layout;
  const stepRows = Uint32Array.from(
    { length: chosen.length * steps },
    (_, i) => chosen[Math.floor(i / steps)]! * steps + (i % steps),
  );
  return {
    row: networkInputs(encoder.row, layout.row, rows.row, chosen, place(rows.row, chosen), INPUT_LIMIT),
    steps:
      encoder.step && layout.step && rows.steps
        ? networkInputs(encoder.step, layout.step, rows.steps, stepRows, place(rows.steps, stepRows), INPUT_LIMIT)
        : new Float32Array(0),
  };
};
