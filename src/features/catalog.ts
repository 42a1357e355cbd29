import { createHash } from 'node:crypto';
import { numericColumn, type FeatureColumn } from '../domain/feature-matrix.js';
import { InputError } from '../domain/input-error.js';
import { DAY_MS } from '../domain/time.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { calendarFlagColumns } from './calendar.js';
import { riskColumns } from './entity-risk.js';
import { fieldColumns } from './fields.js';
import { AMOUNT_BIN_EDGES } from './markov-filter.js';
import { noveltyColumns } from './novelty.js';
import { featurePlan, MARKOV_DAYS, type FeaturePlan } from './plan.js';
import type { FeaturePriors } from './feature-priors.js';
import { profileColumns } from './profile.js';
import { sequenceColumns } from './sequence.js';
import { largestColumns, velocityColumns } from './velocity.js';

/** Ordered features of a schema. Its id changes with names, order, bins, priors or the schema's parts that features read. */
export interface FeatureSet {
  /** "full-1a2b3c4d" */
  readonly id: string;
  readonly schema: TransactionSchema;
  readonly priors: FeaturePriors;
  readonly columns: readonly FeatureColumn[];
  /** Evidence cells with bucketMs >= occurredAtMs - lookBackMs are needed; 0: none. */
  readonly lookBackMs: number;
  /** Columns of channel T; the direction is the column's `risk`. */
  readonly tailColumns: readonly string[];
  /** Columns of channel D: not redundant, categorical ones with at most 50 levels. */
  readonly densityColumns: readonly string[];
  /** The primary entity's recent events, oldest first: for the estimators that read them, of whatever channel. */
  readonly sequenceColumns: readonly string[];
  /** Column of channel H: log-odds that the entity is compromised; null: there is none. */
  readonly markovColumn: string | null;
  /** What follows from schema and priors; looked up by `computeFeatures`. */
  readonly plan: FeaturePlan;
}

/** Counts up whenever the same names come to mean other numbers. */
const MEANING = 2;
const DENSITY_LEVELS_MAX = 50;
export const MARKOV_COLUMN = 'markov';

/** Columns in the order in which `computeFeatures` writes them. */
const columnsOf = (schema: TransactionSchema, priors: FeaturePriors, plan: FeaturePlan): FeatureColumn[] => {
  const fields = fieldColumns(schema, priors);
  if (!plan.hasState) return [...plainColumns(schema), ...fields];
  const amount = schema.amount!;
  const handbook = [
    numericColumn('tx_amount', amount.risk, amount.column),
    ...calendarFlagColumns(schema.time!.column),
    ...velocityColumns(plan, amount.column),
    ...plan.secondary.flatMap((entity) => riskColumns(plan, entity)),
  ];
  const sequence = sequenceColumns(schema, plan);
  if (!plan.isFull) return [...handbook, ...sequence];
  const markov = plan.secondary.filter((entity) => entity.markov !== null);
  return [
    ...handbook,
    ...largestColumns(plan, amount.column),
    ...profileColumns(schema),
    ...noveltyColumns(schema, plan),
    ...markov.map((entity) => numericColumn(MARKOV_COLUMN, 'up', entity.name)),
    numericColumn('hour', 'none', schema.time!.column),
    numericColumn('weekday', 'none', schema.time!.column),
    ...sequence,
    ...fields,
  ];
};

const plainColumns = (schema: TransactionSchema): FeatureColumn[] => [
  ...(schema.amount ? [numericColumn('log_amount', schema.amount.risk, schema.amount.column)] : []),
  ...(schema.time ? [numericColumn('hour', 'none', schema.time.column)] : []),
];

/** A field that has the name of a derived feature keeps it with "raw_" before it. */
const withUniqueNames = (columns: readonly FeatureColumn[], fieldCount: number): FeatureColumn[] => {
  const derived = new Set(columns.slice(0, columns.length - fieldCount).map((column) => column.name));
  const named = columns.map((column, i) =>
    i >= columns.length - fieldCount && derived.has(column.name) ? { ...column, name: `raw_${column.name}` } : column,
  );
  const names = new Set<string>();
  for (const { name } of named) {
    if (names.has(name)) throw new InputError(`two features are called "${name}": rename the column or the entity in the schema`);
    names.add(name);
  }
  return named;
};

/** The signals of models.md section 7.1, and what the schema itself calls risky. */
const TAIL = [
  'log_amount',
  'z_amt',
  's_gap',
  's_burst',
  's_hour',
  's_counterpart',
  'recent_z',
  'rel',
  's_category',
  'z_amt_category',
];
/** Redundant columns break joint likelihoods (models.md, sections 1.2 and 7.6): one column a signal. */
const DENSITY = ['log_amount', 'hour', 'z_amt', 's_gap', 's_counterpart', 's_category', 'recent_z'];

const tailNames = (schema: TransactionSchema, plan: FeaturePlan, columns: readonly FeatureColumn[], fields: number): string[] => {
  const own = columns.slice(columns.length - fields);
  const directed = own.filter((column) => column.kind === 'numeric' && column.risk !== 'none').map((column) => column.name);
  if (!plan.hasState) return [...(schema.amount && schema.amount.risk !== 'none' ? ['log_amount'] : []), ...directed];
  if (plan.isFull)
    return [...TAIL.filter((name) => columns.some((column) => column.name === name && column.risk !== 'none')), ...directed];
  return columns.filter((column) => column.risk === 'up' && !column.name.includes('_avg_')).map((column) => column.name);
};

const densityNames = (plan: FeaturePlan, columns: readonly FeatureColumn[], fields: number): string[] => {
  const longest = plan.windowsDays.at(-1)!;
  const fits = (column: FeatureColumn): boolean => column.kind === 'numeric' || column.levels.length <= DENSITY_LEVELS_MAX;
  // A distance says what its four coordinates say about risk.
  const coordinates = new Set(plan.coordinateColumns);
  const own = columns.slice(columns.length - fields).filter((column) => fits(column) && !coordinates.has(column.field));
  const derived = columns.slice(0, columns.length - fields);
  const risks = plan.secondary.map((entity) => `${entity.name}_risk_${longest}d`);
  const habits = ['tx_amount', `${plan.primaryName}_nb_${plan.windowsDays[0]!}d`, `${plan.primaryName}_avg_${longest}d`];
  const wanted = new Set([...(plan.isFull || !plan.hasState ? DENSITY : habits), ...risks]);
  return [...derived.filter((column) => wanted.has(column.name)), ...own].map((column) => column.name);
};

/** Everything that features depend on. Names of people's choosing (description) and the label's column are not among it. */
const idOf = (schema: TransactionSchema, priors: FeaturePriors, columns: readonly FeatureColumn[]): string => {
  const { time, entities, amount, numeric, categorical, features, label } = schema;
  // Columns tell of the sequence. Without one, the id is what it was before there were sequences.
  const { density: _density, sequence: _sequence, ...rest } = features;
  const delay = label?.delayDays ?? null;
  const parts = [
    MEANING,
    // `field` is wording: saying it better must not refuse stored models.
    columns.map(({ name, kind, levels, risk }) => ({ name, kind, levels, risk })),
    AMOUNT_BIN_EDGES,
    priors,
    time ?? null,
    entities,
    amount ?? null,
    numeric,
    categorical,
    rest,
    delay,
  ];
  return `${features.set}-${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 8)}`;
};

/** @throws InputError when two features would have one name */
export const createFeatureSet = (schema: TransactionSchema, priors: FeaturePriors): FeatureSet => {
  const plan = featurePlan(schema, priors);
  const hasFields = !plan.hasState || plan.isFull;
  const fields = hasFields ? fieldColumns(schema, priors).length : 0;
  const columns = withUniqueNames(columnsOf(schema, priors, plan), fields);
  const hasMarkov = plan.secondary.some((entity) => entity.markov !== null);
  // One more: the filter begins at the start of a day.
  const days = Math.max(...plan.windowsDays, hasMarkov ? MARKOV_DAYS + 1 : 0);
  const needsEvidence = plan.hasState && plan.secondary.length > 0;
  const widest = Math.max(0, ...plan.secondary.map((entity) => entity.bucketMs));
  return {
    id: idOf(schema, priors, columns),
    schema,
    priors,
    columns,
    lookBackMs: needsEvidence ? plan.delayMs + days * DAY_MS + widest : 0,
    tailColumns: tailNames(schema, plan, columns, fields),
    densityColumns: densityNames(plan, columns, fields),
    sequenceColumns: sequenceColumns(schema, plan).map((column) => column.name),
    markovColumn: hasMarkov ? MARKOV_COLUMN : null,
    plan,
  };
};
