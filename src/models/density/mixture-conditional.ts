import type { Random } from '../../domain/random.js';
import { type ColumnEncoder, isContinuous, openOutcome } from '../column-encoder.js';
import type { GivenCells, WeightedRows } from '../conditional.js';
import { LOG_SQRT_2PI } from '../normal-distribution.js';
import { logStandardNormal } from './apart-columns.js';
import { blankRows } from './joint-layout.js';
import { choleskyInPlace, type MixtureComponents, type MixtureLayout, mixtureLayout } from './mixture-components.js';

/** One of `choices`, with probability proportional to exp(logs[from + choice]). */
export const drawByLog = (logs: Float64Array, from: number, choices: readonly number[], random: Random): number => {
  const top = choices.reduce((most, choice) => Math.max(most, logs[from + choice]!), -Infinity);
  let total = 0;
  for (const choice of choices) total += Math.exp(logs[from + choice]! - top);
  let rest = random.uniform() * total;
  for (const choice of choices) {
    rest -= Math.exp(logs[from + choice]! - top);
    if (rest < 0) return choice;
  }
  return choices[choices.length - 1]!;
};

/** Component k's Gaussian with its dimensions in the order `order`: the lower factor. */
const reorderedFactor = ({ factors }: MixtureComponents, k: number, order: readonly number[]): Float64Array => {
  const size = order.length;
  const from = k * size * size;
  const factor = new Float64Array(size * size);
  for (const [i, a] of order.entries())
    for (const [j, b] of order.entries())
      for (let l = 0; l <= Math.min(a, b); l += 1)
        factor[i * size + j]! += factors[from + a * size + l]! * factors[from + b * size + l]!;
  choleskyInPlace(factor, 0, size);
  return factor;
};

/** What a component says once some cells are given. */
interface GivenComponent {
  /** log of the weight times the density of what is given. */
  readonly logWeight: number;
  /** Factor with the given dimensions first, and the noises that make them what they are. */
  readonly factor: Float64Array;
  readonly noises: readonly number[];
}

const conditionComponent = (
  components: MixtureComponents,
  layout: MixtureLayout,
  k: number,
  { order, given }: { readonly order: readonly number[]; readonly given: readonly number[] },
  logOutcomes: number,
): GivenComponent => {
  const size = layout.dimensions;
  const factor = reorderedFactor(components, k, order);
  let logWeight = components.logWeights[k]! + logOutcomes;
  const noises: number[] = [];
  given.forEach((z, i) => {
    let sum = z - components.means[k * size + order[i]!]!;
    for (let j = 0; j < i; j += 1) sum -= factor[i * size + j]! * noises[j]!;
    noises.push(sum / factor[i * size + i]!);
    logWeight -= 0.5 * noises[i]! ** 2 + Math.log(factor[i * size + i]!) + LOG_SQRT_2PI;
  });
  return { logWeight, factor, noises };
};

/**
 * Exact draws given some cells: a component by its weight times the density of those cells, then its Gaussian given the
 * numbers and its tables (independent of everything within a component).
 */
export const drawMixtureGiven = (
  encoder: ColumnEncoder,
  components: MixtureComponents,
  given: GivenCells,
  n: number,
  random: Random,
): WeightedRows => {
  const layout = mixtureLayout(encoder);
  const size = layout.dimensions;
  const { row } = given;
  const joint = given.columns.filter((c) => !encoder.columns[c]!.apart);
  const numbers = joint.filter((c) => layout.dimension[c]! >= 0 && row.outcomes[c] === openOutcome(encoder.columns[c]!));
  const first = numbers.map((c) => layout.dimension[c]!);
  const order = [...first, ...Array.from({ length: size }, (_, d) => d).filter((d) => !first.includes(d))];
  const place = { order, given: numbers.map((c) => row.z[c]!) };
  const conditioned = Array.from(components.logWeights, (_, k) => {
    const logOf = (c: number): number =>
      components.logOutcomes[k * layout.outcomeCount + layout.outcomeStart[c]! + row.outcomes[c]!]!;
    const lone = (c: number): number =>
      layout.dimension[c]! < 0 && isContinuous(encoder.columns[c]!, row.outcomes[c]!) ? logStandardNormal(row.z[c]!) : 0;
    return conditionComponent(
      components,
      layout,
      k,
      place,
      joint.reduce((sum, c) => sum + logOf(c) + lone(c), 0),
    );
  });
  const logWeights = Float64Array.from(conditioned, (each) => each.logWeight);
  const all = [...conditioned.keys()];
  const rows = blankRows(n, encoder.columns.length);
  const z = new Float64Array(size);
  const noise = new Float64Array(size);
  for (let r = 0; r < n; r += 1) {
    const k = drawByLog(logWeights, 0, all, random);
    const { factor, noises } = conditioned[k]!;
    order.forEach((d, i) => {
      noise[i] = noises[i] ?? random.normal();
      z[d] = components.means[k * size + d]!;
      for (let j = 0; j <= i; j += 1) z[d] += factor[i * size + j]! * noise[j]!;
    });
    for (const c of layout.columns) {
      const from = k * layout.outcomeCount + layout.outcomeStart[c]!;
      rows.outcomes[r * rows.width + c] = drawByLog(components.logOutcomes, from, encoder.columns[c]!.seen, random);
      rows.z[r * rows.width + c] = layout.dimension[c]! < 0 ? 0 : z[layout.dimension[c]!]!;
    }
  }
  return { rows, logWeights: new Float64Array(n) };
};
