import type { Channel } from '../domain/decision.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import type { Estimator } from '../models/detector.js';
import { estimators } from '../models/registry.js';
import { UsageError } from '../usage-error.js';

/** What `--help` says of `--detector`. */
export const DETECTOR_NAMES = Object.keys(estimators).join(', ');

/** @throws UsageError when the registry has no such name */
export const estimatorNamed = (name: string): Estimator => {
  const estimator = Object.hasOwn(estimators, name) ? estimators[name] : undefined;
  if (!estimator) throw new UsageError(`there is no detector "${name}"; there are ${DETECTOR_NAMES}`);
  return estimator;
};

/** The one channel that a detector can feed. */
const channelOf = (name: string): Channel => {
  if (name === 'tail') return 'T';
  if (name === 'markov-filter') return 'H';
  return estimatorNamed(name).supervised ? 'S' : 'D';
};

/**
 * The channels of `--detector NAME…`.
 *
 * @throws UsageError for an unknown detector, two of one channel, or one that the schema cannot feed
 */
export const channelsOf = (names: readonly string[], schema: TransactionSchema): Partial<Record<Channel, string>> => {
  const chosen: Partial<Record<Channel, string>> = {};
  for (const name of new Set(names)) {
    const channel = channelOf(name);
    if (chosen[channel] !== undefined)
      throw new UsageError(`${chosen[channel]} and ${name} are both detectors of channel ${channel}; name one`);
    if (channel === 'H' && (schema.features.set !== 'full' || schema.features.markovEntity === undefined))
      throw new UsageError(`detector ${name} needs feature set full and a markovEntity; schema ${schema.name} has not both`);
    if (channel === 'S' && !schema.label)
      throw new UsageError(`detector ${name} learns from labels; schema ${schema.name} names no label column`);
    chosen[channel] = name;
  }
  return chosen;
};
