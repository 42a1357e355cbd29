import type { Estimator } from './detector.js';
import { logisticRegression } from './baselines/logistic-regression.js';
import { autoregressive } from './density/autoregressive.js';
import { flow } from './density/flow.js';
import { gaussianMixture } from './density/gaussian-mixture.js';
import { vae } from './density/vae.js';
import { markovFilter } from './markov-channel.js';
import { tail } from './tail.js';

/** Every model, one line each, under the name that configuration and artifacts use. */
export const estimators: Readonly<Record<string, Estimator>> = {
  autoregressive,
  flow,
  vae,
  'gaussian-mixture': gaussianMixture,
  'logistic-regression': logisticRegression,
  tail,
  'markov-filter': markovFilter,
};
