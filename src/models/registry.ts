import type { Estimator } from './detector.js';
import { logisticRegression } from './baselines/logistic-regression.js';
import { markovFilter } from './markov-channel.js';
import { tail } from './tail.js';

/** Every model, one line each, under the name that configuration and artifacts use. */
export const estimators: Readonly<Record<string, Estimator>> = {
  'logistic-regression': logisticRegression,
  tail,
  'markov-filter': markovFilter,
};
