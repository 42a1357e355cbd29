import type { Estimator } from './detector.js';
import { convolutionalNetwork } from './baselines/convolutional-network.js';
import { gaussianProcess } from './baselines/gaussian-process.js';
import { gradientBoosting } from './baselines/gradient-boosting.js';
import { logOddsEnsemble } from './baselines/log-odds-ensemble.js';
import { logisticRegression } from './baselines/logistic-regression.js';
import { nearestNeighbours } from './baselines/nearest-neighbours.js';
import { randomForest } from './baselines/random-forest.js';
import { recurrentNetwork } from './baselines/recurrent-network.js';
import { classConditional } from './class-conditional.js';
import { densityEnsemble } from './density-ensemble.js';
import { autoregressive } from './density/autoregressive.js';
import { bayesianNetwork } from './density/bayesian-network.js';
import { flow } from './density/flow.js';
import { gaussianMixture } from './density/gaussian-mixture.js';
import { markovChain } from './density/markov-chain.js';
import { transformer } from './density/transformer.js';
import { splineFlow } from './density/spline-flow.js';
import { vae } from './density/vae.js';
import { markovFilter } from './markov-channel.js';
import { tail } from './tail.js';

/** Every model, one line each, under the name that configuration and artifacts use. */
export const estimators: Readonly<Record<string, Estimator>> = {
  autoregressive,
  transformer,
  flow,
  'spline-flow': splineFlow,
  vae,
  'gaussian-mixture': gaussianMixture,
  'bayesian-network': bayesianNetwork,
  'markov-chain': markovChain,
  'logistic-regression': logisticRegression,
  'gradient-boosting': gradientBoosting,
  'random-forest': randomForest,
  'convolutional-network': convolutionalNetwork,
  'recurrent-network': recurrentNetwork,
  'log-odds-ensemble': logOddsEnsemble,
  'class-conditional': classConditional,
  'gaussian-process': gaussianProcess,
  'nearest-neighbours': nearestNeighbours,
  'density-ensemble': densityEnsemble,
  tail,
  'markov-filter': markovFilter,
};
