import type { FeatureMatrix } from '../../domain/feature-matrix.js';
import type { Random } from '../../domain/random.js';
import { type ColumnEncoder, type EncodedColumn, type EncodedRows, isContinuous } from '../column-encoder.js';
import { transform } from '../column-transform.js';
import { clampRows, type GivenCells, type WeightedRows } from '../conditional.js';
import type { DensityModel, UsualValues } from '../detector.js';
import { saveWeights, type Weights } from '../network-weights.js';
import { addApartTerms } from './apart-columns.js';
import { ColumnHead } from './autoregressive-heads.js';
import type { NetworkLayout } from './autoregressive-network.js';
import { createDensity, forChunks, rowSums } from './density-model.js';

/** An autoregressive density also says what is usual. */
export interface AutoregressiveModel extends DensityModel {
  usualValues(features: FeatureMatrix): UsualValues;
}

/** What tells one autoregressive network from another. */
export interface AutoregressiveCore {
  readonly estimator: string;
  readonly encoder: ColumnEncoder;
  readonly layout: NetworkLayout;
  readonly weights: Weights;
  /** What `load` needs besides encoder and weights. */
  readonly meta?: Readonly<Record<string, unknown>>;
  /** The heads' parameters (rows x layout.outputs): those of a column depend on the columns before it only. */
  readonly outputsOf: (rows: EncodedRows) => Float32Array;
}

/** An atom conditions later columns by its z too, as it does in training. */
const zOfAtom = ({ atoms, map }: EncodedColumn, outcome: number): number =>
  map && outcome < atoms.length ? transform(map, atoms[outcome]!) : 0;

const QUANTILES = { low: 0.05, median: 0.5, high: 0.95 } as const;

/** The chain rule read in three ways: a term a column, a draw a column (one pass of the network each), and what is usual. */
export const createAutoregressive = (core: AutoregressiveCore): AutoregressiveModel => {
  const { estimator, encoder, layout, outputsOf } = core;
  const heads = layout.columns.map((place) => new ColumnHead(layout, place, encoder.columns[place.index]!));

  const terms = (rows: EncodedRows): Float64Array => {
    const values = new Float64Array(rows.z.length);
    addApartTerms(encoder, rows, values);
    const outputs = outputsOf(rows);
    layout.columns.forEach(({ index }, i) => {
      const head = heads[i]!;
      for (let r = 0; r < rows.rowCount; r += 1) {
        const at = r * rows.width + index;
        head.read(outputs, r * layout.outputs);
        values[at] = -head.logOutcome(rows.outcomes[at]!);
        if (isContinuous(encoder.columns[index]!, rows.outcomes[at]!)) values[at] -= head.logDensity(rows.z[at]!);
      }
    });
    return values;
  };

  /** Given cells are left as they are, and each row weighs what they are worth to it (Fung & Chang 1990): alike when they come first. */
  const drawGiven = (given: GivenCells | null, n: number, random: Random): WeightedRows => {
    const width = encoder.columns.length;
    const rows = { rowCount: n, width, outcomes: new Uint16Array(n * width), z: new Float64Array(n * width) };
    const logWeights = new Float64Array(n);
    const fixed = new Set(given?.columns);
    if (given) clampRows(given, rows);
    layout.columns.forEach(({ index }, i) => {
      const outputs = outputsOf(rows);
      const head = heads[i]!;
      const column = encoder.columns[index]!;
      for (let r = 0; r < n; r += 1) {
        const at = r * width + index;
        head.read(outputs, r * layout.outputs);
        const outcome = fixed.has(index) ? rows.outcomes[at]! : head.drawOutcome(random);
        if (fixed.has(index))
          logWeights[r]! += head.logOutcome(outcome) + (isContinuous(column, outcome) ? head.logDensity(rows.z[at]!) : 0);
        else {
          rows.outcomes[at] = outcome;
          rows.z[at] = isContinuous(column, outcome) ? head.drawZ(random) : zOfAtom(column, outcome);
        }
      }
    });
    return { rows, logWeights };
  };

  const usualValues = (features: FeatureMatrix): UsualValues => {
    const blank = (): Float64Array => new Float64Array(features.values.length).fill(NaN);
    const usual = { low: blank(), median: blank(), high: blank() };
    forChunks(encoder, features, (rows, from) => {
      const outputs = outputsOf(rows);
      layout.columns.forEach(({ index, mixture }, i) => {
        for (let r = 0; mixture >= 0 && r < rows.rowCount; r += 1) {
          heads[i]!.read(outputs, r * layout.outputs);
          for (const name of ['low', 'median', 'high'] as const)
            usual[name][(from + r) * rows.width + index] = heads[i]!.quantile(QUANTILES[name]);
        }
      });
    });
    return usual;
  };

  const { meta, values } = saveWeights(core.weights);
  const score = (rows: EncodedRows): Float64Array => rowSums(terms(rows), rows.width);
  const density = createDensity({
    estimator,
    encoder,
    score,
    terms,
    draw: (n, random) => drawGiven(null, n, random).rows,
    drawGiven,
    meta: { ...core.meta, weights: meta },
    arrays: { weights: values },
  });
  return { ...density, usualValues };
};
