import { z } from 'zod';
import { type FeatureMatrix, selectRows } from '../../domain/feature-matrix.js';
import type { Random } from '../../domain/random.js';
import type { Artifact } from '../artifact.js';
import { checkColumns } from '../column-encoder.js';
import { arrayOf, checkArtifact } from '../density/density-model.js';
import type { Detector, Estimator, FitContext, Terms, TrainingData } from '../detector.js';
import { betweenSteps, shuffledIndices } from '../fit-rows.js';
import { parseParameters } from '../parameters.js';
import { fitPlatt, type Platt } from '../platt.js';
import { requireBothClasses } from './labelled-rows.js';
import { BASELINE } from './logistic-regression.js';
import { drawFourierMap, fourierFeatures, type FourierMap } from './fourier-features.js';
import { fitRowInputs, inputsOf, inputTransform, loadRowInputs, type RowInputs, saveRowInputs } from './row-inputs.js';
import { GRADIENT_TOLERANCE, type HingeProblem, type HingeSolution, margin, solveHinge } from './squared-hinge.js';

const shared = {
  transform: inputTransform,
  iterationsMax: z.int().min(1).max(1000).default(50),
  /** More legitimate rows than fit beside the frauds are sampled down, and the log-odds corrected for it. */
  rowsMax: z.int().min(10).max(1_000_000),
};
const cost = z.number().positive().max(1e6);

const linearParameters = z.strictObject({
  ...shared,
  /** What a row costs that lacks margin; the classes' costs add up to the same where `balanced`. */
  c: cost.default(0.1),
  balanced: z.boolean().default(false),
  rowsMax: shared.rowsMax.default(200_000),
});
const kernelParameters = z.strictObject({
  ...shared,
  c: cost.default(5),
  balanced: z.boolean().default(false),
  rowsMax: shared.rowsMax.default(30_000),
  features: z.int().min(1).max(4096).default(512),
  /** Of exp(-gamma |x - y|^2 / inputs). */
  gamma: z.number().positive().max(1000).default(0.1),
});
type Parameters = z.infer<typeof linearParameters>;

/** What the hyperplane lies in: the inputs themselves, or random features of them. */
interface Space {
  readonly inputs: RowInputs;
  readonly map: FourierMap | null;
}

const CHUNK_ROWS = 1024;

/** Runs `visit` over chunks of rows in the hyperplane's space, rows x `dimensions`. */
const forChunks = (
  { inputs, map }: Space,
  features: FeatureMatrix,
  visit: (points: Float32Array, from: number, rowCount: number) => void,
): void => {
  checkColumns(inputs.encoder, features);
  for (let from = 0; from < features.rowCount; from += CHUNK_ROWS) {
    const to = Math.min(features.rowCount, from + CHUNK_ROWS);
    const chunk = inputsOf(inputs, features, from, to);
    visit(map ? fourierFeatures(map, chunk, to - from) : chunk, from, to - from);
  }
};

const dimensionsOf = ({ inputs, map }: Space): number => map?.phases.length ?? inputs.width;

/** @param theta weights and intercept of the log-odds @param means of each input over the training rows */
const create = (name: string, space: Space, theta: Float64Array, means: Float64Array): Detector => {
  const { inputs, map } = space;
  const size = dimensionsOf(space);
  const { columns } = inputs.encoder;

  /** Each column's part of the log-odds relative to its mean over the training rows, and what is left. */
  const terms = (features: FeatureMatrix): Terms => {
    const width = columns.length + 1;
    const values = new Float64Array(features.rowCount * width);
    const baseline = theta[size]! + means.reduce((sum, mean, i) => sum + theta[i]! * mean, 0);
    forChunks(space, features, (points, from, rowCount) => {
      for (let r = 0; r < rowCount; r += 1) {
        const start = (from + r) * width;
        values[start + columns.length] = baseline;
        for (let i = 0; i < size; i += 1) values[start + inputs.columnOf[i]!]! += theta[i]! * (points[r * size + i]! - means[i]!);
      }
    });
    return { columns: [...columns.map(({ column }) => column.name), BASELINE], values };
  };

  return {
    estimator: name,
    score(features) {
      const scores = new Float64Array(features.rowCount);
      forChunks(space, features, (points, from, rowCount) => {
        for (let r = 0; r < rowCount; r += 1) scores[from + r] = margin(theta, points, r, size);
      });
      return scores;
    },
    ...(map === null && { terms }),
    save() {
      const { meta, arrays } = saveRowInputs(inputs);
      const { directions, phases } = map ?? { directions: new Float64Array(0), phases: new Float64Array(0) };
      return { estimator: name, meta, arrays: { ...arrays, theta, means, directions, phases } };
    },
  };
};

const load = (name: string, artifact: Artifact): Detector => {
  checkArtifact(name, artifact);
  const array = (key: string): Float64Array => Float64Array.from(arrayOf(artifact, key));
  const inputs = loadRowInputs(artifact);
  const [directions, phases] = [array('directions'), array('phases')];
  const map = phases.length > 0 ? { width: inputs.width, directions, phases } : null;
  return create(name, { inputs, map }, array('theta'), array('means'));
};

/** Every fraud and, where there are more rows than `rowsMax`, a random part of the legitimate ones; in order. */
const chooseRows = (labels: Uint8Array, rowsMax: number, random: Random): { rows: Uint32Array; legitimateShare: number } => {
  const shuffled = shuffledIndices(labels.length, random);
  const frauds = shuffled.filter((r) => labels[r] === 1).subarray(0, Math.ceil(rowsMax / 2));
  const legitimate = shuffled.filter((r) => labels[r] === 0);
  const kept = legitimate.subarray(0, rowsMax - frauds.length);
  const rows = new Uint32Array(frauds.length + kept.length);
  rows.set(frauds);
  rows.set(kept, frauds.length);
  return { rows: rows.sort(), legitimateShare: kept.length / legitimate.length };
};

/** Passes over the rows between two looks at the clock of the event loop, by cells. */
const CELLS_PER_BREATH = 4e6;

const solve = async (
  problem: HingeProblem,
  { iterationsMax }: Parameters,
  context: FitContext,
  [from, to]: readonly [number, number],
): Promise<HingeSolution> => {
  const passes = Math.max(1, Math.floor(CELLS_PER_BREATH / Math.max(1, problem.inputs.length)));
  const steps = solveHinge(problem, iterationsMax);
  let share = 0;
  for (let pass = 1; ; pass += 1) {
    const next = steps.next();
    if (next.done) return next.value;
    if (pass % passes !== 1 && passes > 1) continue;
    const { iteration, objective, gradient } = next.value;
    share = Math.max(share, Math.min(1, Math.log(Math.max(gradient, GRADIENT_TOLERANCE)) / Math.log(GRADIENT_TOLERANCE)));
    await betweenSteps(context, from + share * (to - from), `Newton step ${iteration}, objective ${objective.toFixed(3)}`);
  }
};

/** The rows as a problem of their own. */
const problemOf = (
  points: Float32Array,
  width: number,
  labels: Uint8Array,
  rows: Uint32Array,
  { c, balanced }: Parameters,
): HingeProblem => {
  const inputs = new Float32Array(rows.length * width);
  rows.forEach((row, i) => inputs.set(points.subarray(row * width, (row + 1) * width), i * width));
  const frauds = rows.reduce((sum, row) => sum + labels[row]!, 0);
  const weight = (label: number): number => (balanced ? rows.length / (2 * (label ? frauds : rows.length - frauds)) : 1);
  return {
    inputs,
    width,
    signs: Float64Array.from(rows, (row) => (labels[row] ? 1 : -1)),
    costs: Float64Array.from(rows, (row) => c * weight(labels[row]!)),
  };
};

const FOLDS = 5;
/** Of the fit's progress: the machine without the rows that calibrate it. */
const CALIBRATION_SHARE = 0.45;

/** Margins as log-odds, by Platt's sigmoid on a fifth of each class that a machine of its own has not seen. */
const calibrate = async (
  points: Float32Array,
  width: number,
  labels: Uint8Array,
  parameters: Parameters,
  context: FitContext,
): Promise<Platt> => {
  const met = [0, 0];
  const isHeldBack = Array.from(labels, (label) => met[label]!++ % FOLDS === 0);
  const rows = Uint32Array.from(labels.keys());
  const [held, others] = [rows.filter((r) => isHeldBack[r]), rows.filter((r) => !isHeldBack[r])];
  const prior = { slope: 1, offset: Math.log(met[1]! / met[0]!) };
  if (Math.min(met[0]!, met[1]!) < 2) return prior;
  const theta = await solve(problemOf(points, width, labels, others, parameters), parameters, context, [0, CALIBRATION_SHARE]);
  const platt = fitPlatt(
    Float64Array.from(held, (r) => margin(theta, points, r, width)),
    Float64Array.from(held, (r) => labels[r]!),
  );
  // Few rows may say that the margin misleads; it still ranks as the machine learned.
  return platt.slope > 0 ? platt : prior;
};

const fitMachine = async (
  name: string,
  parameters: Parameters,
  data: TrainingData,
  context: FitContext,
  mapFor: (inputs: RowInputs) => FourierMap | null,
): Promise<Detector> => {
  const all = requireBothClasses(name, data);
  context.signal?.throwIfAborted();
  const { rows, legitimateShare } = chooseRows(all, parameters.rowsMax, context.random.fork('rows'));
  const features = selectRows(data.features, rows);
  const labels = Uint8Array.from(rows, (r) => all[r]!);
  const inputs = fitRowInputs(features, parameters.transform, context.random.fork('encoder'));
  const space = { inputs, map: mapFor(inputs) };
  const size = dimensionsOf(space);
  const points = new Float32Array(features.rowCount * size);
  forChunks(space, features, (chunk, from) => points.set(chunk, from * size));
  const { slope, offset } = await calibrate(points, size, labels, parameters, context);
  const every = Uint32Array.from(labels.keys());
  const problem = problemOf(points, size, labels, every, parameters);
  const theta = await solve(problem, parameters, context, [CALIBRATION_SHARE, 1]);
  const logOdds = theta.map((value) => slope * value);
  logOdds[size]! += offset + Math.log(legitimateShare);
  const means = new Float64Array(space.map ? 0 : size);
  for (let at = 0; means.length > 0 && at < points.length; at += 1) means[at % size]! += points[at]! / features.rowCount;
  return create(name, space, logOdds, means);
};

const about = { family: 'discriminative', likelihood: 'none', supervised: true } as const;

/**
 * Linear support vector machine (squared hinge, `squared-hinge.ts`) on tamed numbers and one-hots (`row-inputs.ts`); score: log-odds by Platt's
 * sigmoid; terms: each column's exact part of them.
 */
export const linearSvm: Estimator = {
  name: 'linear-svm',
  ...about,
  async fit(data, context) {
    const parameters = parseParameters('linear-svm', linearParameters, context.parameters);
    return fitMachine('linear-svm', parameters, data, context, () => null);
  },
  load: (artifact) => load('linear-svm', artifact),
};

/** The same over random Fourier features (Rahimi & Recht 2007): a support vector machine with a Gaussian kernel, in linear time. */
export const kernelSvm: Estimator = {
  name: 'kernel-svm',
  ...about,
  async fit(data, context) {
    const parameters = parseParameters('kernel-svm', kernelParameters, context.parameters);
    return fitMachine('kernel-svm', parameters, data, context, ({ width }) =>
      drawFourierMap(width, parameters.features, parameters.gamma / Math.max(1, width), context.random.fork('features')),
    );
  },
  load: (artifact) => load('kernel-svm', artifact),
};
