import { z } from 'zod';
import type { FeatureMatrix } from '../../domain/feature-matrix.js';
import type { Artifact } from '../artifact.js';
import type { Detector, Estimator, Terms } from '../detector.js';
import { betweenSteps } from '../fit-rows.js';
import { parseParameters } from '../parameters.js';
import { arrayOf, checkArtifact } from './density-model.js';
import { binCount, type EventTypes, fitEdges, typeCount, typeOf } from './event-types.js';
import {
  fitTransitions,
  nextProbabilities,
  stationaryDistribution,
  type Step,
  type TransitionTable,
} from './transition-table.js';

const NAME = 'markov-chain';

/** Amount of the row's own event, and the time since the one before it. */
const AMOUNT = 'log_amount';
const GAP = 'lag0_gap';

const parametersSchema = z.strictObject({
  amountBins: z.int().min(1).max(6).default(4),
  gapBins: z.int().min(1).max(6).default(4),
  orderMax: z.union([z.literal(1), z.literal(2)]).default(2),
});

export interface MarkovChain extends Detector {
  readonly types: EventTypes;
  readonly transitions: TransitionTable;
  /** Exact terms: the amount's bin given the past, then the gap's bin given both. They add up to the score. */
  terms(features: FeatureMatrix): Terms;
}

/** @throws TypeError when there is no such column */
const positionOf = ({ columns }: FeatureMatrix, name: string): number => {
  const position = columns.findIndex((column) => column.name === name);
  if (position < 0) throw new TypeError(`${NAME}: no feature column "${name}"`);
  return position;
};

const valuesOf = (features: FeatureMatrix, name: string): Float64Array => {
  const position = positionOf(features, name);
  return Float64Array.from({ length: features.rowCount }, (_, r) => features.values[r * features.columns.length + position]!);
};

/** The types of each row's event and of the two before it, where the columns say them. */
const stepsOf = function* (types: EventTypes, features: FeatureMatrix): Generator<Step> {
  const width = features.columns.length;
  const [amount, gap] = [positionOf(features, AMOUNT), positionOf(features, GAP)];
  const lagged = (what: string, lag: number): number => features.columns.findIndex(({ name }) => name === `lag${lag}_${what}`);
  const lags = [1, 2].map((lag) => ({ amount: lagged('log_amount', lag), gap: lagged('gap', lag) }));
  for (let r = 0; r < features.rowCount; r += 1) {
    const cell = (position: number): number => (position < 0 ? NaN : features.values[r * width + position]!);
    const [before, beforeThat] = lags.map((lag) =>
      Number.isNaN(cell(lag.amount)) ? -1 : typeOf(types, cell(lag.amount), cell(lag.gap)),
    );
    yield { type: typeOf(types, cell(amount), cell(gap)), before: before!, beforeThat: beforeThat! };
  }
};

const create = (types: EventTypes, transitions: TransitionTable): MarkovChain => {
  const stationary = stationaryDistribution(transitions);
  const gaps = binCount(types.gapEdges);
  const terms = (features: FeatureMatrix): Terms => {
    const values = new Float64Array(2 * features.rowCount);
    let at = 0;
    for (const { type, before, beforeThat } of stepsOf(types, features)) {
      const next = before < 0 ? stationary : nextProbabilities(transitions, before, beforeThat);
      const from = type - (type % gaps);
      const ofAmount = next.subarray(from, from + gaps).reduce((sum, p) => sum + p, 0);
      values[at] = -Math.log(ofAmount);
      values[at + 1] = Math.log(ofAmount) - Math.log(next[type]!);
      at += 2;
    }
    return { columns: [AMOUNT, GAP], values };
  };
  return {
    estimator: NAME,
    types,
    transitions,
    terms,
    score(features) {
      const { values } = terms(features);
      return Float64Array.from({ length: features.rowCount }, (_, r) => values[2 * r]! + values[2 * r + 1]!);
    },
    save: () => saveChain(types, transitions),
  };
};

/** Counts as pairs of cell and count: most triples never happened. */
const sparse = (counts: Float64Array): Float64Array =>
  Float64Array.from([...counts.entries()].filter(([, count]) => count > 0).flat());
const dense = (pairs: ArrayLike<number>, length: number): Float64Array => {
  const counts = new Float64Array(length);
  for (let i = 0; i < pairs.length; i += 2) counts[pairs[i]!] = pairs[i + 1]!;
  return counts;
};

const saveChain = (types: EventTypes, { singles, pairs, triples, pairStrength, tripleStrength }: TransitionTable): Artifact => ({
  estimator: NAME,
  meta: { order: triples.length > 0 ? 2 : 1 },
  arrays: {
    ...types,
    singles,
    pairs: sparse(pairs),
    triples: sparse(triples),
    strengths: Float64Array.of(pairStrength, tripleStrength),
  },
});

/**
 * Markov chain over the types of an entity's events: score = -log P(type of this event | the types of the one or two before
 * it), in nats, a term for amount and one for the gap. Where no earlier event is known: the stationary distribution. The
 * previous events are the `lag` columns of the feature set (`features/sequence.ts`); a table may bring such columns of its own.
 *
 * The probability is exact, yet of the type, not of the columns: so `likelihood` is "none". Order 2 where it predicts
 * held-back steps better (`transition-table.ts`). Cost: one pass over the rows.
 */
export const markovChain: Estimator = {
  name: NAME,
  family: 'generative',
  likelihood: 'none',
  supervised: false,
  requires: [AMOUNT, GAP],
  readsSequence: true,
  async fit({ features }, context) {
    const { amountBins, gapBins, orderMax } = parseParameters(NAME, parametersSchema, context.parameters);
    await betweenSteps(context, 0, 'event types');
    const types = {
      amountEdges: fitEdges(valuesOf(features, AMOUNT), amountBins),
      gapEdges: fitEdges(valuesOf(features, GAP), gapBins),
    };
    await betweenSteps(context, 0.3, 'transitions');
    const transitions = fitTransitions(stepsOf(types, features), typeCount(types), orderMax);
    await betweenSteps(context, 1, `chain of order ${transitions.triples.length > 0 ? 2 : 1} over ${transitions.size} types`);
    return create(types, transitions);
  },
  load(artifact) {
    checkArtifact(NAME, artifact);
    const array = (name: string): Float64Array => Float64Array.from(arrayOf(artifact, name));
    const types = { amountEdges: array('amountEdges'), gapEdges: array('gapEdges') };
    const size = typeCount(types);
    const [pairStrength, tripleStrength] = array('strengths') as unknown as [number, number];
    return create(types, {
      size,
      singles: array('singles'),
      pairs: dense(array('pairs'), size ** 2),
      triples: dense(array('triples'), artifact.meta['order'] === 2 ? size ** 3 : 0),
      pairStrength,
      tripleStrength,
    });
  },
};
