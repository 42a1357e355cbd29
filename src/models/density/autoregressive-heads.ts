import type { Random } from '../../domain/random.js';
import { inverseTransform, transform } from '../column-transform.js';
import { type EncodedColumn, openOutcome } from '../column-encoder.js';
import { LOG_SQRT_2PI, logSumExp, normalCdf } from '../normal-distribution.js';
import {
  COMPONENTS,
  LOG_SIGMA_MAX,
  LOG_SIGMA_MIN,
  mixtureStart,
  type NetworkColumn,
  type NetworkLayout,
} from './autoregressive-network.js';

/** One column's conditional distribution for one row, read from the network's outputs in float64. */
export class ColumnHead {
  private readonly logWeights = new Float64Array(COMPONENTS);
  private readonly means = new Float64Array(COMPONENTS);
  private readonly logSigmas = new Float64Array(COMPONENTS);
  private readonly joint = new Float64Array(COMPONENTS);
  private readonly logits: Float64Array;

  constructor(
    private readonly layout: NetworkLayout,
    private readonly place: NetworkColumn,
    private readonly column: EncodedColumn,
  ) {
    this.logits = new Float64Array(place.seenCount);
  }

  /** @param at first output of the row */
  read(outputs: Float32Array, at: number): void {
    const { mixture, logits, seenCount } = this.place;
    if (logits >= 0) normalise(this.logits, outputs, at + logits, seenCount);
    if (mixture < 0) return;
    normalise(this.logWeights, outputs, at + mixtureStart(this.layout, 0, mixture), COMPONENTS);
    const means = at + mixtureStart(this.layout, 1, mixture);
    const logSigmas = at + mixtureStart(this.layout, 2, mixture);
    for (let k = 0; k < COMPONENTS; k += 1) {
      this.means[k] = outputs[means + k]!;
      this.logSigmas[k] = Math.min(Math.max(outputs[logSigmas + k]!, LOG_SIGMA_MIN), LOG_SIGMA_MAX);
    }
  }

  logOutcome(outcome: number): number {
    const position = this.place.seenPosition[outcome]!;
    if (position < 0) return this.column.logUnseen;
    return this.column.logSeen + (this.place.logits >= 0 ? this.logits[position]! : 0);
  }

  /** log p(z | continuous) */
  logDensity(z: number): number {
    for (let k = 0; k < COMPONENTS; k += 1) {
      const residual = (z - this.means[k]!) * Math.exp(-this.logSigmas[k]!);
      this.joint[k] = this.logWeights[k]! - 0.5 * residual * residual - this.logSigmas[k]! - LOG_SQRT_2PI;
    }
    return logSumExp(this.joint, 0, COMPONENTS);
  }

  /** P(Z <= z | continuous) */
  cumulative(z: number): number {
    let sum = 0;
    for (let k = 0; k < COMPONENTS; k += 1)
      sum += Math.exp(this.logWeights[k]!) * normalCdf((z - this.means[k]!) * Math.exp(-this.logSigmas[k]!));
    return sum;
  }

  drawOutcome(random: Random): number {
    const { seen } = this.column;
    if (this.place.logits < 0) return seen[0]!;
    return seen[drawIndex(this.logits, random)]!;
  }

  drawZ(random: Random): number {
    const k = drawIndex(this.logWeights, random);
    return this.means[k]! + Math.exp(this.logSigmas[k]!) * random.normal();
  }

  /** Quantile, in the column's own units, of the distribution of a value that is not missing; numeric columns only. */
  quantile(share: number): number {
    const map = this.column.map!;
    const open = openOutcome(this.column);
    const { atoms } = this.column;
    const masses = Float64Array.from({ length: open + 1 }, (_, outcome) => Math.exp(this.logOutcome(outcome)));
    const target = share * masses.reduce((sum, mass) => sum + mass, 0);
    const continuous = masses[open]!;
    let below = 0;
    for (let i = 0; i < atoms.length; i += 1) {
      const before = continuous * this.cumulative(transform(map, atoms[i]!)) + below;
      if (before >= target) break;
      below += masses[i]!;
      if (before + masses[i]! >= target) return atoms[i]!;
    }
    return inverseTransform(map, this.bisect((target - below) / continuous));
  }

  /** z with cumulative(z) = share, to 1e-5; within +-40 of the coordinates a column has. */
  private bisect(share: number): number {
    let [low, high] = [-40, 40];
    while (high - low > 1e-5) {
      const middle = (low + high) / 2;
      if (this.cumulative(middle) < share) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  }
}

/** log-softmax of values[from .. from + count) into `target`. */
const normalise = (target: Float64Array, values: Float32Array, from: number, count: number): void => {
  const total = logSumExp(values, from, count);
  for (let i = 0; i < count; i += 1) target[i] = values[from + i]! - total;
};

const drawIndex = (logs: Float64Array, random: Random): number => {
  let rest = random.uniform();
  for (let i = 0; i < logs.length - 1; i += 1) {
    rest -= Math.exp(logs[i]!);
    if (rest < 0) return i;
  }
  return logs.length - 1;
};
