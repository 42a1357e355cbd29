import type { Estimator } from './detector.js';
import { convolutionalNetwork } from './baselines/convolutional-network.js';
import { gaussianProcess } from './baselines/gaussian-process.js';
import { gradientBoosting } from './baselines/gradient-boosting.js';
import { isolationForest } from './baselines/isolation-forest.js';
import { logOddsEnsemble } from './baselines/log-odds-ensemble.js';
import { logisticRegression } from './baselines/logistic-regression.js';
import { nearestNeighbours } from './baselines/nearest-neighbours.js';
import { neuralNetwork } from './baselines/neural-network.js';
import { orderedBoosting } from './baselines/ordered-boosting.js';
import { randomForest } from './baselines/random-forest.js';
import { recurrentNetwork } from './baselines/recurrent-network.js';
import { kernelSvm, linearSvm } from './baselines/support-vector-machine.js';
import { classConditional } from './class-conditional.js';
import { densityEnsemble } from './density-ensemble.js';
import { autoregressive } from './density/autoregressive.js';
import { bayesianNetwork } from './density/bayesian-network.js';
import { diffusion } from './density/diffusion.js';
import { flow } from './density/flow.js';
import { gan } from './density/gan.js';
import { gaussianMixture } from './density/gaussian-mixture.js';
import { markovChain } from './density/markov-chain.js';
import { transformer } from './density/transformer.js';
import { maskedAutoregressiveFlow } from './density/masked-autoregressive-flow.js';
import { rbm } from './density/rbm.js';
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
  'masked-autoregressive-flow': maskedAutoregressiveFlow,
  vae,
  diffusion,
  rbm,
  gan,
  'gaussian-mixture': gaussianMixture,
  'bayesian-network': bayesianNetwork,
  'markov-chain': markovChain,
  'logistic-regression': logisticRegression,
  'neural-network': neuralNetwork,
  'linear-svm': linearSvm,
  'kernel-svm': kernelSvm,
  'gradient-boosting': gradientBoosting,
  'ordered-boosting': orderedBoosting,
  'random-forest': randomForest,
  'convolutional-network': convolutionalNetwork,
  'recurrent-network': recurrentNetwork,
  'log-odds-ensemble': logOddsEnsemble,
  'isolation-forest': isolationForest,
  'class-conditional': classConditional,
  'gaussian-process': gaussianProcess,
  'nearest-neighbours': nearestNeighbours,
  'density-ensemble': densityEnsemble,
  tail,
  'markov-filter': markovFilter,
};
