import { DAY_MS } from '../domain/time.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { hashedIndex } from './hashed-levels.js';
import { markovTables, type MarkovTables } from './markov-filter.js';
import type { FeaturePriors } from './feature-priors.js';

/** Without a stated delay, labels are taken to be known after a week. */
const LABEL_DELAY_DAYS = 7;
/** The Markov filter looks this far back from the label delay, and on to the start of that day. */
export const MARKOV_DAYS = 60;

/** One secondary entity: which position in `Transaction.entities`, and the width of its evidence buckets. */
export interface SecondaryPlan {
  readonly name: string;
  readonly index: number;
  readonly bucketMs: number;
  readonly markov: MarkovTables | null;
}

/** What the schema and the priors say, looked up once instead of for every row. */
export interface FeaturePlan {
  readonly isFull: boolean;
  /** False for plain columns: nothing is remembered. */
  readonly hasState: boolean;
  readonly primaryName: string;
  readonly windowsDays: readonly number[];
  /** Rising. */
  readonly windowsMs: readonly number[];
  readonly minorPerUnit: number;
  /** Events of the sequence columns; 0: none. */
  readonly sequence: number;
  readonly delayMs: number;
  readonly secondary: readonly SecondaryPlan[];
  /** Position of the counterpart in `Transaction.entities`; -1: none. */
  readonly counterpartIndex: number;
  /** Position of the profiled field in `Transaction.categorical`; -1: none. */
  readonly profileIndex: number;
  /** Level to index, per categorical field. */
  readonly levelIndex: readonly Pick<ReadonlyMap<string, number>, 'get' | 'size'>[];
  /** Positions in `Transaction.numeric`. */
  readonly distances: readonly DistancePlan[];
  readonly coordinateColumns: readonly string[];
}

export interface DistancePlan {
  readonly fromLatitude: number;
  readonly fromLongitude: number;
  readonly toLatitude: number;
  readonly toLongitude: number;
}

/** Features read only evidence that is older than this. */
export const labelDelayMs = (schema: TransactionSchema): number => (schema.label?.delayDays ?? LABEL_DELAY_DAYS) * DAY_MS;

/**
 * From a start without memory, how long until a row's windows are full: the longest, which for a secondary entity ends at the
 * label delay. The Markov filter's horizon does not count: without evidence it says what it says of any new entity.
 */
export const warmUpMs = ({ hasState, secondary, delayMs, windowsMs }: FeaturePlan): number =>
  hasState ? windowsMs.at(-1)! + (secondary.length > 0 ? delayMs : 0) : 0;

/**
 * Where the Markov filter's pass for a row begins: the start of the UTC day that lies 60 days before the label delay. One
 * start for a day of rows lets them share the pass.
 */
export const markovFromMs = ({ delayMs }: Pick<FeaturePlan, 'delayMs'>, ms: number): number =>
  Math.floor((ms - delayMs) / DAY_MS - MARKOV_DAYS) * DAY_MS;

export const featurePlan = (schema: TransactionSchema, priors: FeaturePriors): FeaturePlan => {
  const { set, markovEntity, counterpartEntity, profileField } = schema.features;
  const isFull = set === 'full';
  const windowsDays = [...new Set(schema.features.windowsDays)].sort((a, b) => a - b);
  const secondary = schema.entities.slice(1).map((entity, i) => ({
    name: entity.name,
    index: i + 1,
    bucketMs: entity.bucketSeconds * 1000,
    markov: isFull && entity.name === markovEntity && priors.markov ? markovTables(priors.markov) : null,
  }));
  const counterpart = counterpartEntity ?? secondary[0]?.name;
  return {
    isFull,
    hasState: set !== 'columns',
    primaryName: schema.entities[0]?.name ?? '',
    windowsDays,
    windowsMs: windowsDays.map((days) => days * DAY_MS),
    minorPerUnit: 10 ** (schema.amount?.minorDigits ?? 0),
    sequence: schema.features.sequence,
    delayMs: labelDelayMs(schema),
    secondary,
    counterpartIndex: counterpart === undefined ? -1 : schema.entities.findIndex((e) => e.name === counterpart),
    profileIndex: profileIndexOf(schema, isFull, profileField),
    levelIndex: schema.categorical.map((field) =>
      priors.hashed ? hashedIndex : new Map((priors.levels[field.column] ?? []).map((level, i) => [level, i])),
    ),
    coordinateColumns: (schema.features.distances ?? []).flatMap(({ from, to }) => [
      from.latitude,
      from.longitude,
      to.latitude,
      to.longitude,
    ]),
    distances: (schema.features.distances ?? []).map(({ from, to }) => ({
      fromLatitude: numericIndex(schema, from.latitude),
      fromLongitude: numericIndex(schema, from.longitude),
      toLatitude: numericIndex(schema, to.latitude),
      toLongitude: numericIndex(schema, to.longitude),
    })),
  };
};

const numericIndex = (schema: TransactionSchema, column: string): number =>
  schema.numeric.findIndex((field) => field.column === column);

const profileIndexOf = (schema: TransactionSchema, isFull: boolean, profileField: string | undefined): number => {
  if (!isFull || schema.categorical.length === 0) return -1;
  return profileField === undefined ? 0 : schema.categorical.findIndex((field) => field.column === profileField);
};
