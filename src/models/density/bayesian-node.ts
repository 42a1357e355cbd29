import type { Random } from '../../domain/random.js';
import { type ColumnEncoder, type EncodedColumn, type EncodedRows, isContinuous } from '../column-encoder.js';
import { transform } from '../column-transform.js';
import type { FitContext } from '../detector.js';
import { logStandardNormal } from './apart-columns.js';
import { ConditionalMixture, mixtureView, viewOutcome } from './conditional-mixture.js';
import { configurationOf, countTable, logTable, type StateColumn } from './conditional-table.js';
import { normalCdf } from '../normal-distribution.js';
import { type MixtureComponents, mixtureLayout } from './mixture-components.js';
import { fitMixture, type MixtureSettings } from './mixture-em.js';
import { mixedQuantile } from './mixed-quantile.js';

/** What a network knows of one column given its parents: a table of outcomes and, for a number, a conditional mixture. */
export interface NetworkNode {
  readonly index: number;
  /** Columns, ascending. */
  readonly parents: readonly number[];
  /** Rows by configuration and outcome; empty where training saw one outcome alone. */
  readonly counts: Float64Array;
  /** Over the parents' and, last, this column's z; absent where training saw no continuous cell. */
  readonly mixture?: MixtureComponents;
}

export type NodeSettings = Omit<MixtureSettings, 'components'> & { readonly componentsMax: number };

/** The parents and, last, the column itself, as its mixture takes them. */
export const familyView = (states: readonly StateColumn[], index: number, parents: readonly number[]): ColumnEncoder => ({
  columns: [...parents, index].map((c) => mixtureView(states[c]!.column)),
});

/** A node, conditioned on one row's parents at a time. */
export class Conditional {
  private readonly logs: Float64Array;
  private readonly mixture: ConditionalMixture | undefined;
  private configuration = 0;

  constructor(
    private readonly states: readonly StateColumn[],
    private readonly node: NetworkNode,
  ) {
    this.logs = logTable(this.column, node.counts);
    if (node.mixture) this.mixture = new ConditionalMixture(familyView(states, node.index, node.parents), node.mixture);
  }

  get index(): number {
    return this.node.index;
  }

  private get column(): EncodedColumn {
    return this.states[this.node.index]!.column;
  }

  get isNumeric(): boolean {
    return this.column.map !== undefined;
  }

  read(rows: EncodedRows, row: number): void {
    const { parents } = this.node;
    const start = row * rows.width;
    this.configuration = configurationOf(this.states, parents, rows, row);
    this.mixture?.condition(
      (i) => viewOutcome(this.states[parents[i]!]!.column, rows.outcomes[start + parents[i]!]!),
      (i) => rows.z[start + parents[i]!]!,
    );
  }

  readonly logOutcome = (outcome: number): number => {
    const { counts, logSeen, logUnseen } = this.column;
    if (this.logs.length === 0) return counts[outcome]! > 0 ? logSeen : logUnseen;
    return this.logs[this.configuration * counts.length + outcome]!;
  };

  /** log p of a cell in outcome and z. */
  logProb(outcome: number, z: number): number {
    const logOutcome = this.logOutcome(outcome);
    if (!isContinuous(this.column, outcome)) return logOutcome;
    return logOutcome + (this.mixture ? this.mixture.logDensity(z) : logStandardNormal(z));
  }

  draw(random: Random): { outcome: number; z: number } {
    const { column, mixture } = this;
    let rest = random.uniform() * Math.exp(column.logSeen);
    const outcome = column.seen.find((o) => (rest -= Math.exp(this.logOutcome(o))) < 0) ?? column.seen.at(-1)!;
    if (isContinuous(column, outcome)) return { outcome, z: mixture!.draw(random) };
    return { outcome, z: column.map && outcome < column.atoms.length ? transform(column.map, column.atoms[outcome]!) : 0 };
  }

  /** In the column's own units, of a value that is not missing; numeric columns only. */
  quantile(share: number): number {
    const cumulative = (z: number): number => this.mixture?.cumulative(z) ?? normalCdf(z);
    return mixedQuantile(this.column, this.logOutcome, cumulative, share);
  }
}

/** Enough for some hundred numbers: a number costs 1 / (2 n) nats. */
const MIXTURE_ROWS = 6000;

/** The family's cells, where the column itself is continuous; of many rows evenly spread ones. */
const familyRows = (
  states: readonly StateColumn[],
  index: number,
  parents: readonly number[],
  rows: EncodedRows,
): EncodedRows => {
  const family = [...parents, index];
  const starts: number[] = [];
  for (let r = 0; r < rows.rowCount; r += 1)
    if (isContinuous(states[index]!.column, rows.outcomes[r * rows.width + index]!)) starts.push(r * rows.width);
  const count = Math.min(starts.length, MIXTURE_ROWS);
  const chosen = Array.from({ length: count }, (_, i) => starts[Math.floor((i * starts.length) / count)]!);
  const cells = chosen.flatMap((start) => family.map((c) => start + c));
  return {
    rowCount: chosen.length,
    width: family.length,
    outcomes: Uint16Array.from(cells, (at, i) => viewOutcome(states[family[i % family.length]!]!.column, rows.outcomes[at]!)),
    z: Float64Array.from(cells, (at) => rows.z[at]!),
  };
};

/** Sum over rows of log p(z of the last column | the others). */
const conditionalLogLikelihood = (view: ColumnEncoder, components: MixtureComponents, rows: EncodedRows): number => {
  const mixture = new ConditionalMixture(view, components);
  let sum = 0;
  for (let at = 0; at < rows.z.length; at += rows.width) {
    mixture.condition(
      (i) => rows.outcomes[at + i]!,
      (i) => rows.z[at + i]!,
    );
    sum += mixture.logDensity(rows.z[at + rows.width - 1]!);
  }
  return sum;
};

/** Free numbers of one component: its weight, Gaussian and outcome tables. */
const componentSize = (view: ColumnEncoder): number => {
  const { dimensions } = mixtureLayout(view);
  const outcomes = view.columns.reduce((sum, { counts }) => sum + counts.filter((count) => count > 0).length - 1, 0);
  return 1 + dimensions + (dimensions * (dimensions + 1)) / 2 + outcomes;
};

/** A named part of a fit: chance of its own, and the share of the progress from `from` to `to`. */
export const within = (context: FitContext, name: string, from: number, to: number): FitContext => ({
  ...context,
  random: context.random.fork(name),
  onProgress: ({ share, message }) => context.onProgress?.({ share: from + share * (to - from), message: `${name}: ${message}` }),
});

/** Components double as long as BIC of the conditional rises: a linear Gaussian stays one. */
const fitConditionalMixture = async (
  view: ColumnEncoder,
  rows: EncodedRows,
  { componentsMax, ...settings }: NodeSettings,
  context: FitContext,
): Promise<MixtureComponents | undefined> => {
  if (rows.rowCount === 0) return undefined;
  const size = componentSize(view);
  const layout = mixtureLayout(view);
  // On few rows the variances need more than the ridge to stand on; its share vanishes as rows grow.
  const ridge = Math.min(0.9, Math.max(settings.ridge, layout.dimensions / rows.rowCount));
  const affordable = Math.min(componentsMax, Math.floor(rows.rowCount / (5 * layout.dimensions)));
  const doublings = Math.floor(Math.log2(Math.max(1, affordable)));
  let best: { components: MixtureComponents; score: number } | undefined;
  for (let d = 0; d <= doublings; d += 1) {
    const count = 2 ** d;
    const stage = within(context, `${count} components`, d / (doublings + 1), (d + 1) / (doublings + 1));
    const components = await fitMixture(rows, view, layout, { ...settings, ridge, components: count }, stage);
    const score = conditionalLogLikelihood(view, components, rows) - 0.5 * Math.log(rows.rowCount) * count * size;
    if (best && score <= best.score) break;
    best = { components, score };
  }
  return best!.components;
};

/** Cost: steps of expectation-maximisation over the column's continuous rows. */
export const fitNode = async (
  states: readonly StateColumn[],
  index: number,
  parents: readonly number[],
  rows: EncodedRows,
  settings: NodeSettings,
  context: FitContext,
): Promise<NetworkNode> => {
  const { column } = states[index]!;
  const counts = column.seen.length > 1 ? countTable(states, index, parents, rows) : new Float64Array(0);
  const family = column.map ? familyRows(states, index, parents, rows) : undefined;
  const mixture = family && (await fitConditionalMixture(familyView(states, index, parents), family, settings, context));
  return { index, parents, counts, ...(mixture && { mixture }) };
};
