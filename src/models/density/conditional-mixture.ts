import type { Random } from '../../domain/random.js';
import { type ColumnEncoder, type EncodedColumn, openOutcome } from '../column-encoder.js';
import { LOG_SQRT_2PI, logSumExp, normalCdf } from '../normal-distribution.js';
import { choleskyInPlace, type MixtureComponents, mixtureLayout } from './mixture-components.js';

/** Which of a numeric column's cells count as Gaussian where it conditions or is conditioned. */
export const PRESENT = 0;
const MISSING = 1;

/**
 * A column as a mixture over a column and its parents takes it: an atom conditions by its z as any other number does, so a
 * numeric column has two outcomes, present and missing.
 */
export const mixtureView = (column: EncodedColumn): EncodedColumn => {
  if (!column.map) return column;
  const missing = column.counts[column.counts.length - 1]!;
  const present = column.counts.reduce((sum, n) => sum + n, 0) - missing;
  return { ...column, atoms: new Float64Array(0), counts: Float64Array.of(present, missing), logSeen: 0 };
};

/** The outcome of a cell in `mixtureView`. */
export const viewOutcome = (column: EncodedColumn, outcome: number): number =>
  column.map ? (outcome === openOutcome(column) + 1 ? MISSING : PRESENT) : outcome;

/** Cholesky factors (K x d x d) over the present parents' dimensions and, last, the child's. */
interface Pattern {
  readonly size: number;
  readonly factors: Float64Array;
  /** log w_k less the logs of the parents' diagonals, K. */
  readonly logBases: Float64Array;
}

/**
 * p(z of the last column | the columns before it): a mixture of Gaussians over all of them, conditioned. Its components'
 * weights follow from how well each explains the parents; within a component the child is linear in the parents' z.
 * A parent's missing cell leaves the Gaussian by exact marginalisation and speaks by its outcome.
 */
export class ConditionalMixture {
  private readonly logWeights: Float64Array;
  private readonly means: Float64Array;
  private readonly sigmas: Float64Array;
  private readonly joint: Float64Array;
  private readonly residuals: Float64Array;
  private readonly layout;
  private readonly patterns = new Map<number, Pattern>();

  /** @param view the parents, then the child, as `mixtureView` gives them */
  constructor(
    private readonly view: ColumnEncoder,
    private readonly components: MixtureComponents,
  ) {
    const count = components.logWeights.length;
    this.layout = mixtureLayout(view);
    this.logWeights = new Float64Array(count);
    this.means = new Float64Array(count);
    this.sigmas = new Float64Array(count);
    this.joint = new Float64Array(count);
    this.residuals = new Float64Array(this.layout.dimensions);
  }

  /** Conditions on the parents' cells. @param outcome of the i-th parent in the view */
  condition(outcome: (parent: number) => number, z: (parent: number) => number): void {
    const { layout, components, logWeights } = this;
    const { dimension, dimensions, outcomeStart, outcomeCount } = layout;
    const parents = this.view.columns.length - 1;
    let present = 0;
    for (let p = 0; p < parents; p += 1) if (dimension[p]! >= 0 && outcome(p) === PRESENT) present |= 1 << p;
    const { size, factors, logBases } = this.patternOf(present);
    const { residuals } = this;
    for (let k = 0; k < logWeights.length; k += 1) {
      const from = k * size * size;
      let logWeight = logBases[k]!;
      let i = 0;
      for (let p = 0; p < parents; p += 1) {
        logWeight += components.logOutcomes[k * outcomeCount + outcomeStart[p]! + outcome(p)]!;
        if ((present & (1 << p)) === 0) continue;
        let rest = z(p) - components.means[k * dimensions + dimension[p]!]!;
        for (let j = 0; j < i; j += 1) rest -= factors[from + i * size + j]! * residuals[j]!;
        rest /= factors[from + i * size + i]!;
        residuals[i] = rest;
        logWeight -= 0.5 * rest * rest;
        i += 1;
      }
      let mean = components.means[k * dimensions + dimensions - 1]!;
      for (let j = 0; j < i; j += 1) mean += factors[from + i * size + j]! * residuals[j]!;
      logWeights[k] = logWeight;
      this.means[k] = mean;
      this.sigmas[k] = factors[from + i * size + i]!;
    }
    const total = logWeights.length === 1 ? logWeights[0]! : logSumExp(logWeights, 0, logWeights.length);
    for (let k = 0; k < logWeights.length; k += 1) logWeights[k]! -= total;
  }

  logDensity(z: number): number {
    const { joint, logWeights, means, sigmas } = this;
    for (let k = 0; k < joint.length; k += 1) {
      const residual = (z - means[k]!) / sigmas[k]!;
      joint[k] = logWeights[k]! - 0.5 * residual * residual - Math.log(sigmas[k]!) - LOG_SQRT_2PI;
    }
    return joint.length === 1 ? joint[0]! : logSumExp(joint, 0, joint.length);
  }

  /** P(Z <= z) */
  cumulative(z: number): number {
    let sum = 0;
    for (let k = 0; k < this.joint.length; k += 1)
      sum += Math.exp(this.logWeights[k]!) * normalCdf((z - this.means[k]!) / this.sigmas[k]!);
    return sum;
  }

  draw(random: Random): number {
    let rest = random.uniform();
    let k = 0;
    for (; k < this.logWeights.length - 1; k += 1) {
      rest -= Math.exp(this.logWeights[k]!);
      if (rest < 0) break;
    }
    return this.means[k]! + this.sigmas[k]! * random.normal();
  }

  /** @param present bit p is set where the p-th parent has a z */
  private patternOf(present: number): Pattern {
    let pattern = this.patterns.get(present);
    if (!pattern) this.patterns.set(present, (pattern = this.marginalise(present)));
    return pattern;
  }

  private marginalise(present: number): Pattern {
    const { dimension, dimensions: all } = this.layout;
    const kept = dimension.filter((d, p) => d >= 0 && (p === dimension.length - 1 || (present & (1 << p)) !== 0));
    const size = kept.length;
    const { factors, logWeights } = this.components;
    const marginal = new Float64Array(logWeights.length * size * size);
    for (let k = 0; k < logWeights.length; k += 1) {
      kept.forEach((a, i) =>
        kept.forEach((b, j) => {
          let sum = 0;
          for (let l = 0; l <= Math.min(a, b); l += 1)
            sum += factors[(k * all + a) * all + l]! * factors[(k * all + b) * all + l]!;
          marginal[(k * size + i) * size + j] = sum;
        }),
      );
      choleskyInPlace(marginal, k * size * size, size);
    }
    const logBases = logWeights.map((logWeight, k) => {
      let sum = logWeight;
      for (let i = 0; i < size - 1; i += 1) sum -= Math.log(marginal[(k * size + i) * size + i]!);
      return sum;
    });
    return { size, factors: marginal, logBases };
  }
}
