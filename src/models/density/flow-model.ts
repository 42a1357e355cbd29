import { z } from 'zod';
import type { Random } from '../../domain/random.js';
import type { TensorBackend } from '../../tensor/backend.js';
import { Engine, type Tensor } from '../../tensor/engine.js';
import { type ColumnEncoder, type EncodedRows, isContinuous, loadEncoder } from '../column-encoder.js';
import type { TransformKind } from '../column-transform.js';
import type { DensityModel, Estimator, LatentModel } from '../detector.js';
import { constantsOf, loadWeights, saveWeights, type Tensors, type Weights } from '../network-weights.js';
import { LOG_SQRT_2PI } from '../normal-distribution.js';
import { trainingParameters, trainNetwork, type TrainingSettings } from '../train-network.js';
import { checkArtifact, createDensity, rowSums } from './density-model.js';
import { encodeTraining } from './encode-training.js';
import { drawFrequentRows, frequencyTerms } from './frequent-outcomes.js';
import { continuousCells, everyRow, type JointLayout, jointLayout, oneHotCells } from './joint-layout.js';
import { latentMethods } from './latent.js';

/** What a flow is conditioned on, for the rows of one batch. */
export interface FlowConditions {
  /** 1 where a coordinate is observed, rows x dimensions. A step leaves the others alone: z = 0 stays, log |det| += 0. */
  readonly observed: Tensor;
  /** Rows x one-hots; none without discrete columns. */
  readonly oneHots: Tensor | undefined;
}

/** One invertible map of the chain from data to the standard normal base. */
export interface FlowStep {
  /** `logDeterminant` is log |d z' / d z|, rows x 1. */
  toBase(engine: Engine, tensors: Tensors, z: Tensor, conditions: FlowConditions): { z: Tensor; logDeterminant: Tensor };
  /** The inverse of `toBase`; never recorded. */
  toData(engine: Engine, tensors: Tensors, z: Tensor, conditions: FlowConditions): Tensor;
}

interface FlowParameters extends TrainingSettings {
  readonly rowsMax: number;
  readonly inputNoise: number;
  readonly transform: TransformKind;
}

/** The shared schedule; half of its epochs, because more overfit: 0.01 nats of eight dimensions at 20,000 rows. */
export const flowTraining = {
  ...trainingParameters,
  epochs: trainingParameters.epochs.unwrap().default(4),
  transform: z.enum(['quantile-normal', 'asinh']).default('quantile-normal'),
};

/** What tells one flow from another. */
export interface FlowKind<P extends FlowParameters> {
  readonly name: string;
  readonly parametersSchema: z.ZodType<P>;
  /** Weights whose name starts with `mask` are not learnt. */
  initialWeights(layout: JointLayout, parameters: NoInfer<P>, random: Random): Weights;
  /** The chain, from data to base, that these weights (or their fixed part) describe. */
  steps(weights: Weights): readonly FlowStep[];
}

/** A batch as tensors: its coordinates and what they are conditioned on. */
const batchOf = (
  engine: Engine,
  encoder: ColumnEncoder,
  layout: JointLayout,
  rows: EncodedRows,
  chosen: Uint32Array,
  sd = 0,
  noise?: Random,
): { z: Tensor; conditions: FlowConditions } => {
  const { z, observed } = continuousCells(encoder, layout, rows, chosen, sd, noise);
  const size = layout.dimensions.length;
  return {
    z: engine.constant(chosen.length, size, z),
    conditions: {
      observed: engine.constant(chosen.length, size, observed),
      oneHots: layout.oneHots > 0 ? engine.constant(chosen.length, layout.oneHots, oneHotCells(layout, rows, chosen)) : undefined,
    },
  };
};

const toBase = (
  engine: Engine,
  tensors: Tensors,
  steps: readonly FlowStep[],
  data: Tensor,
  conditions: FlowConditions,
): { z: Tensor; logDeterminant: Tensor } => {
  let z = data;
  let logDeterminant = engine.zeros(data.rows, 1);
  for (const step of steps) {
    const next = step.toBase(engine, tensors, z, conditions);
    z = next.z;
    logDeterminant = engine.add(logDeterminant, next.logDeterminant);
  }
  return { z, logDeterminant };
};

const create = (
  { name, steps: stepsOf }: Pick<FlowKind<never>, 'name' | 'steps'>,
  encoder: ColumnEncoder,
  weights: Weights,
  backend: TensorBackend,
): DensityModel & LatentModel => {
  const engine = new Engine(backend);
  const layout = jointLayout(encoder);
  const steps = stepsOf(weights);

  const score = (rows: EncodedRows): Float64Array => {
    const scores = rowSums(frequencyTerms(encoder, layout, rows), rows.width);
    if (layout.dimensions.length === 0) return scores;
    const { squares, constants, logDeterminants } = engine.scope(() => {
      const { z: data, conditions } = batchOf(engine, encoder, layout, rows, everyRow(rows));
      const { z, logDeterminant } = toBase(engine, constantsOf(engine, weights), steps, data, conditions);
      return {
        squares: engine.read(engine.sumRows(engine.mul(engine.square(z), conditions.observed))),
        constants: engine.read(engine.sumRows(conditions.observed)),
        logDeterminants: engine.read(logDeterminant),
      };
    });
    return scores.map((value, r) => value + 0.5 * squares[r]! + LOG_SQRT_2PI * constants[r]! - logDeterminants[r]!);
  };

  const encode = (rows: EncodedRows): Float64Array => {
    if (layout.dimensions.length === 0) return new Float64Array(0);
    const base = engine.scope(() => {
      const { z, conditions } = batchOf(engine, encoder, layout, rows, everyRow(rows));
      return engine.read(toBase(engine, constantsOf(engine, weights), steps, z, conditions).z);
    });
    return Float64Array.from(base);
  };

  /** Takes the rows' z for points of the base, and puts the data's there. */
  const fromBase = (rows: EncodedRows): EncodedRows => {
    if (layout.dimensions.length === 0) return rows;
    const data = engine.scope(() => {
      const tensors = constantsOf(engine, weights);
      const { z: base, conditions } = batchOf(engine, encoder, layout, rows, everyRow(rows));
      return engine.read(steps.reduceRight((z, step) => engine.scope(() => step.toData(engine, tensors, z, conditions)), base));
    });
    layout.dimensions.forEach((c, d) => {
      for (let at = c, i = d; at < rows.z.length; at += rows.width, i += layout.dimensions.length)
        if (isContinuous(encoder.columns[c]!, rows.outcomes[at]!)) rows.z[at] = data[i]!;
    });
    return rows;
  };

  const decode = (points: Float64Array, like: EncodedRows): EncodedRows => {
    const z = like.z.slice();
    const size = layout.dimensions.length;
    layout.dimensions.forEach((c, d) => {
      for (let r = 0; r < like.rowCount; r += 1)
        if (isContinuous(encoder.columns[c]!, like.outcomes[r * like.width + c]!)) z[r * like.width + c] = points[r * size + d]!;
    });
    return fromBase({ ...like, z });
  };

  const { meta, values } = saveWeights(weights);
  const draw = (n: number, random: Random): EncodedRows => fromBase(drawFrequentRows(encoder, layout, n, random));
  return {
    ...createDensity({ estimator: name, encoder, score, draw, meta: { weights: meta }, arrays: { weights: values } }),
    ...latentMethods({ encoder, latentSize: layout.dimensions.length, encode, decode, score }),
  };
};

/**
 * A normalizing flow over the continuous columns, conditioned on the discrete ones: p(x) = prod_c P(outcome_c) x
 * flow(z | outcomes). The outcomes have each column's own frequencies, independently: exact for this model, but dependence
 * between categories is not learnt (the autoregressive density does that). Cells that are missing leave the flow, which
 * maps only the observed coordinates. A numeric column with ties enters by its mid-rank z, for which the training noise
 * is the dequantisation.
 */
export const flowEstimator = <P extends FlowParameters>(kind: FlowKind<P>): Estimator => ({
  name: kind.name,
  family: 'generative',
  likelihood: 'exact',
  supervised: false,
  async fit(data, context) {
    const { parameters, encoder, rows } = encodeTraining(kind.name, kind.parametersSchema, data, context, { atoms: false });
    const layout = jointLayout(encoder);
    if (layout.dimensions.length === 0) return create(kind, encoder, {}, context.backend);
    const initial = kind.initialWeights(layout, parameters, context.random.fork('weights'));
    const steps = kind.steps(initial);
    const weights = await trainNetwork(
      {
        initial,
        fixed: (name) => name.startsWith('mask'),
        rowCount: rows.rowCount,
        settings: parameters,
        /** Mean -log p(z) without its constant. */
        loss(engine, tensors, chosen, noise) {
          const { z: data, conditions } = batchOf(engine, encoder, layout, rows, chosen, parameters.inputNoise, noise);
          const { z, logDeterminant } = toBase(engine, tensors, steps, data, conditions);
          const base = engine.mul(engine.square(z), conditions.observed);
          return engine.scale(engine.sub(engine.scale(engine.sum(base), 0.5), engine.sum(logDeterminant)), 1 / chosen.length);
        },
      },
      context,
    );
    return create(kind, encoder, weights, context.backend);
  },
  load(artifact, { backend }) {
    checkArtifact(kind.name, artifact);
    return create(kind, loadEncoder(artifact), loadWeights(artifact), backend);
  },
});
