import { type ColumnEncoder, type EncodedRows, isContinuous, openOutcome } from '../column-encoder.js';
import { LOG_SQRT_2PI, logSumExp } from '../normal-distribution.js';
import { logStandardNormal } from './apart-columns.js';

/**
 * K components, each a Gaussian with full covariance over the continuous columns' z times, independently, one table of
 * outcome probabilities per column: p(x) = sum_k w_k N(z; m_k, L_k L_k') prod_c P_k(outcome_c). A missing (or otherwise
 * not continuous) cell leaves the Gaussian by exact marginalisation.
 */
export interface MixtureComponents {
  readonly logWeights: Float64Array;
  /** K x D */
  readonly means: Float64Array;
  /** K x D x D, lower Cholesky factors. */
  readonly factors: Float64Array;
  /** K x (all outcomes of all columns): log P_k(outcome), unseen ones included. */
  readonly logOutcomes: Float64Array;
}

/** Which columns are joint, and where their outcomes and dimensions lie. */
export interface MixtureLayout {
  /** Columns that are not apart, in order. */
  readonly columns: readonly number[];
  /** Gaussian dimension by column, -1 where the column has none. */
  readonly dimension: readonly number[];
  readonly dimensions: number;
  /** First outcome of each column in a row of `logOutcomes`. */
  readonly outcomeStart: readonly number[];
  readonly outcomeCount: number;
}

export const mixtureLayout = ({ columns }: ColumnEncoder): MixtureLayout => {
  let dimensions = 0;
  let outcomeCount = 0;
  const dimension: number[] = [];
  const outcomeStart: number[] = [];
  for (const column of columns) {
    const joint = !column.apart && column.map !== undefined && column.counts[openOutcome(column)]! > 0;
    dimension.push(joint ? dimensions++ : -1);
    outcomeStart.push(outcomeCount);
    outcomeCount += column.counts.length;
  }
  const joined = [...columns.keys()].filter((c) => !columns[c]!.apart);
  return { columns: joined, dimension, dimensions, outcomeStart, outcomeCount };
};

/** Lower Cholesky factor of `size` x `size` at `from` of `matrix`, in place. The caller's ridge keeps it positive. */
export const choleskyInPlace = (matrix: Float64Array, from: number, size: number): void => {
  for (let i = 0; i < size; i += 1)
    for (let j = 0; j <= i; j += 1) {
      let sum = matrix[from + i * size + j]!;
      for (let k = 0; k < j; k += 1) sum -= matrix[from + i * size + k]! * matrix[from + j * size + k]!;
      if (i === j) matrix[from + i * size + i] = Math.sqrt(Math.max(sum, 1e-12));
      else {
        matrix[from + i * size + j] = sum / matrix[from + j * size + j]!;
        matrix[from + j * size + i] = 0;
      }
    }
};

/** The factors of the marginals over `kept` dimensions, K x d x d. */
const marginalFactors = ({ factors, logWeights }: MixtureComponents, size: number, kept: readonly number[]): Float64Array => {
  const d = kept.length;
  const marginal = new Float64Array(logWeights.length * d * d);
  for (let k = 0; k < logWeights.length; k += 1) {
    for (let i = 0; i < d; i += 1)
      for (let j = 0; j < d; j += 1) {
        const [a, b] = [k * size * size + kept[i]! * size, k * size * size + kept[j]! * size];
        let sum = 0;
        for (let l = 0; l <= Math.min(kept[i]!, kept[j]!); l += 1) sum += factors[a + l]! * factors[b + l]!;
        marginal[k * d * d + i * d + j] = sum;
      }
    choleskyInPlace(marginal, k * d * d, d);
  }
  return marginal;
};

const PATTERNS_MAX = 256;

/** The Gaussians over the dimensions a row has: factors (K x d x d) and -log of their diagonals less the constant (K x d). */
interface Marginal {
  readonly factors: Float64Array;
  readonly constants: Float64Array;
}

const marginalOf = (factors: Float64Array, components: number, d: number): Marginal => ({
  factors,
  constants: Float64Array.from({ length: components * d }, (_, at) => {
    const [k, i] = [Math.floor(at / d), at % d];
    return -Math.log(factors[(k * d + i) * d + i]!) - LOG_SQRT_2PI;
  }),
});

/** Log densities of rows under each component; remembers the marginals of up to 256 patterns of missing cells. */
export class MixtureEvaluator {
  private readonly marginals = new Map<string, Marginal>();
  private readonly whole: Marginal;
  private readonly residuals: Float64Array;
  /** Open outcome of each column that has a Gaussian dimension, -1 of the others. */
  private readonly opens: Int32Array;
  /** log(w_k p_k(the columns so far)) of the row last visited. */
  readonly joint: Float64Array;

  constructor(
    private readonly encoder: ColumnEncoder,
    private readonly layout: MixtureLayout,
    private readonly components: MixtureComponents,
  ) {
    const count = components.logWeights.length;
    this.joint = new Float64Array(count);
    this.residuals = new Float64Array(count * layout.dimensions);
    this.whole = marginalOf(components.factors, count, layout.dimensions);
    this.opens = Int32Array.from(encoder.columns, (column, c) => (layout.dimension[c]! >= 0 ? openOutcome(column) : -1));
  }

  /** log p of the row's joint columns; `visit` hears log p of the first columns after each one (the chain rule). */
  logProb(rows: EncodedRows, row: number, visit?: (column: number, logProb: number) => void): number {
    const { joint, opens } = this;
    const { logWeights, logOutcomes, means } = this.components;
    const { columns, dimension, outcomeStart, outcomeCount, dimensions } = this.layout;
    const start = row * rows.width;
    let d = 0;
    for (const c of columns) if (rows.outcomes[start + c] === opens[c]) d += 1;
    const marginal = d === dimensions ? this.whole : this.marginalFor(rows, start);
    joint.set(logWeights);
    let i = 0;
    for (const c of columns) {
      const outcome = rows.outcomes[start + c]!;
      const z = rows.z[start + c]!;
      const gaussian = outcome === opens[c];
      const lone = !gaussian && isContinuous(this.encoder.columns[c]!, outcome) ? logStandardNormal(z) : 0;
      for (let k = 0; k < joint.length; k += 1) {
        joint[k]! += logOutcomes[k * outcomeCount + outcomeStart[c]! + outcome]! + lone;
        if (gaussian) joint[k]! += this.nextResidual(marginal, k, d, i, z - means[k * dimensions + dimension[c]!]!);
      }
      if (gaussian) i += 1;
      visit?.(c, logSumExp(joint, 0, joint.length));
    }
    return logSumExp(joint, 0, joint.length);
  }

  /** One step of forward substitution: log N of the row's i-th dimension given those before it. */
  private nextResidual({ factors, constants }: Marginal, k: number, d: number, i: number, centred: number): number {
    const at = k * d * d + i * d;
    const from = k * this.layout.dimensions;
    let sum = centred;
    for (let j = 0; j < i; j += 1) sum -= factors[at + j]! * this.residuals[from + j]!;
    const residual = sum / factors[at + i]!;
    this.residuals[from + i] = residual;
    return constants[k * d + i]! - 0.5 * residual * residual;
  }

  private marginalFor(rows: EncodedRows, start: number): Marginal {
    const { columns, dimension, dimensions } = this.layout;
    const kept = columns.filter((c) => rows.outcomes[start + c] === this.opens[c]).map((c) => dimension[c]!);
    const key = kept.join();
    let marginal = this.marginals.get(key);
    if (!marginal) {
      const factors = marginalFactors(this.components, dimensions, kept);
      marginal = marginalOf(factors, this.components.logWeights.length, kept.length);
      if (this.marginals.size >= PATTERNS_MAX) this.marginals.clear();
      this.marginals.set(key, marginal);
    }
    return marginal;
  }
}
