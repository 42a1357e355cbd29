/**
 * The SIMD backend beside the plain float64 reference and TensorFlow.js, on a masked autoregressive flow of 32 columns: six layers
 * 32-64-64-64, relu, tanh log-scales, alternating order, 62,592 parameters, about 123 kFLOP a row. Run: node dist/bench/tensor.js
 */
import { Adam } from '../src/tensor/adam.js';
import { type TensorBackend } from '../src/tensor/backend.js';
import { Engine, type Tensor } from '../src/tensor/engine.js';
import { createReferenceBackend } from '../src/tensor/reference.js';
import { createSimdBackend } from '../src/tensor/simd.js';
import { createTfjsBackend } from '../src/tensor/tfjs.js';
import { loadNative, loadWebAssembly } from '../src/tensor-backend.js';
import { createRandom, type Random } from '../src/domain/random.js';

const DIMENSION = 32;
const HIDDEN = 64;
const LAYERS = 6;
const BATCHES = [1, 32, 256, 1024] as const;
const TRAIN_BATCH = 256;
const ROUNDS = 8;
const ROUND_MS = 300;

const WIDTHS = [
  [DIMENSION, HIDDEN],
  [HIDDEN, HIDDEN],
  [HIDDEN, 2 * DIMENSION],
] as const;
const REVERSED = Int32Array.from({ length: DIMENSION }, (_, i) => DIMENSION - 1 - i);

/** Which weights a MADE layer keeps, by the degrees of its inputs and outputs (Germain et al., arXiv 1502.03509). */
const maskOf = (step: number): Float32Array => {
  const [inputs, outputs] = WIDTHS[step]!;
  const degree = (unit: number, width: number): number => (width === DIMENSION ? unit : unit % (DIMENSION - 1));
  return Float32Array.from({ length: inputs * outputs }, (_, index) => {
    const from = degree(Math.floor(index / outputs), inputs);
    const to = index % outputs;
    return step === 2 ? Number(to % DIMENSION > from) : Number(degree(to, outputs) >= from);
  });
};

class Flow {
  readonly parameters: Tensor[] = [];
  private readonly masks = WIDTHS.map((_, step) => maskOf(step));

  constructor(
    readonly engine: Engine,
    random: Random,
  ) {
    for (let layer = 0; layer < LAYERS; layer += 1) {
      for (const [inputs, outputs] of WIDTHS) {
        const weights = Float32Array.from({ length: inputs * outputs }, () => random.normal() / Math.sqrt(inputs));
        this.parameters.push(engine.parameter(inputs, outputs, weights), engine.parameter(1, outputs, new Float32Array(outputs)));
      }
    }
  }

  /** As for serving: the masks become part of the weights. */
  foldMasks(): void {
    this.masks.forEach((mask, step) => {
      for (let layer = 0; layer < LAYERS; layer += 1) {
        const weights = this.parameters[(layer * WIDTHS.length + step) * 2]!;
        this.engine.write(
          weights,
          this.engine.read(weights).map((w, i) => w * mask[i]!),
        );
      }
    });
  }

  logProb(rows: Tensor, masked: boolean): Tensor {
    const { engine } = this;
    const masks = masked ? this.masks.map((mask, step) => engine.constant(WIDTHS[step]![0], WIDTHS[step]![1], mask)) : undefined;
    let x = rows;
    let logScales: Tensor | undefined;
    for (let layer = 0; layer < LAYERS; layer += 1) {
      let h = x;
      WIDTHS.forEach((_, step) => {
        const at = (layer * WIDTHS.length + step) * 2;
        const weights = this.parameters[at]!;
        h = engine.linear(
          h,
          masks ? engine.mul(weights, masks[step]!) : weights,
          this.parameters[at + 1]!,
          step === 2 ? 'none' : 'relu',
        );
      });
      const logScale = engine.tanh(engine.slice(h, DIMENSION, 2 * DIMENSION));
      x = engine.mul(engine.sub(x, engine.slice(h, 0, DIMENSION)), engine.exp(engine.neg(logScale)));
      x = engine.pick(x, REVERSED);
      const sum = engine.sumRows(logScale);
      logScales = logScales === undefined ? sum : engine.add(logScales, sum);
    }
    const normal = engine.offset(engine.scale(engine.sumRows(engine.square(x)), -0.5), -0.5 * DIMENSION * Math.log(2 * Math.PI));
    return engine.sub(normal, logScales!);
  }

  score(rows: number, values: Float32Array): Float32Array {
    return this.engine.scope(() => this.engine.read(this.logProb(this.engine.constant(rows, DIMENSION, values), false)));
  }

  train(adam: Adam, rows: number, values: Float32Array): number {
    const { engine } = this;
    return engine.scope(() => {
      const loss = engine.record(() => engine.neg(engine.mean(this.logProb(engine.constant(rows, DIMENSION, values), true))));
      adam.step(engine.gradients(loss, this.parameters), { learningRate: 1e-3, clipNorm: 100 });
      return engine.read(loss)[0]!;
    });
  }
}

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/**
 * Calls a second of CPU over at least ROUND_MS of it, after warming up: other work on the machine does not count, and
 * TensorFlow's threads count each.
 */
const rate = (call: () => void): number => {
  const until = (ms: number): number => {
    const start = cpuMs();
    let calls = 0;
    let spent = 0;
    while (spent < ms) {
      call();
      calls += 1;
      spent = cpuMs() - start;
    }
    return (calls * 1000) / spent;
  };
  until(ROUND_MS / 5);
  return until(ROUND_MS);
};

interface Measured {
  readonly rowsPerSecond: Record<string, number>;
  readonly trainingStepsPerSecond: number;
  readonly firstLoss: number;
}

const measure = (backend: TensorBackend): Measured => {
  const random = createRandom(1);
  const values = Float32Array.from({ length: 1024 * DIMENSION }, () => random.normal());
  const trained = new Flow(new Engine(backend), createRandom(2));
  const adam = new Adam(trained.engine, trained.parameters);
  const batch = values.subarray(0, TRAIN_BATCH * DIMENSION);
  const firstLoss = trained.train(adam, TRAIN_BATCH, batch);
  const trainingStepsPerSecond = rate(() => trained.train(adam, TRAIN_BATCH, batch));
  const served = new Flow(trained.engine, createRandom(2));
  served.foldMasks();
  const rowsPerSecond: Record<string, number> = {};
  for (const size of BATCHES) {
    const rows = values.subarray(0, size * DIMENSION);
    rowsPerSecond[size] = rate(() => served.score(size, rows)) * size;
  }
  return { rowsPerSecond, trainingStepsPerSecond, firstLoss };
};

/** The best of the rounds: what the machine gives when nothing else takes it. */
const best = (rounds: readonly Measured[]): Measured => ({
  rowsPerSecond: Object.fromEntries(
    BATCHES.map((size) => [size, Math.max(...rounds.map((round) => round.rowsPerSecond[size]!))]),
  ),
  trainingStepsPerSecond: Math.max(...rounds.map((round) => round.trainingStepsPerSecond)),
  firstLoss: rounds[0]!.firstLoss,
});

interface Contender {
  readonly name: string;
  /** Before each round: TensorFlow.js has one active backend at a time. */
  readonly create: () => TensorBackend | Promise<TensorBackend>;
}

const tensorFlow = (name: string, tf: Awaited<ReturnType<typeof loadWebAssembly>>): Contender => {
  const active = tf.getBackend();
  return { name, create: async () => createTfjsBackend((await tf.setBackend(active), tf)) };
};

const contenders: Contender[] = [
  { name: 'simd', create: createSimdBackend },
  { name: 'reference', create: createReferenceBackend },
  tensorFlow('tfjs wasm', await loadWebAssembly()),
];
try {
  contenders.push(tensorFlow('tfjs native', loadNative()));
} catch (error) {
  console.error(`without native TensorFlow.js (npm run setup:tfjs): ${(error as Error).message.split('\n')[0]}`);
}

const rounds = new Map<string, Measured[]>(contenders.map(({ name }) => [name, []]));
for (let round = 0; round < ROUNDS; round += 1)
  for (const { name, create } of contenders) rounds.get(name)!.push(measure(await create()));
const measured = new Map([...rounds].map(([name, list]) => [name, best(list)]));
const simd = measured.get('simd')!;

/** How many times faster SIMD is. */
const ratioTo = (other: Measured): Pick<Measured, 'rowsPerSecond' | 'trainingStepsPerSecond'> => ({
  rowsPerSecond: Object.fromEntries(BATCHES.map((size) => [size, simd.rowsPerSecond[size]! / other.rowsPerSecond[size]!])),
  trainingStepsPerSecond: simd.trainingStepsPerSecond / other.trainingStepsPerSecond,
});

const lines: [string, (result: Pick<Measured, 'rowsPerSecond' | 'trainingStepsPerSecond'>) => number][] = [
  ...BATCHES.map((size): (typeof lines)[number] => [`rows/s, batch ${size}`, (result) => result.rowsPerSecond[size]!]),
  [`training steps/s, batch ${TRAIN_BATCH}`, (result) => result.trainingStepsPerSecond],
];
const shown = (value: number): string => (value < 1000 ? value.toFixed(1) : Math.round(value).toLocaleString('en-US'));
const headings = [...measured.keys()].flatMap((name) => [name.padStart(12), name === 'simd' ? '' : 'ratio'.padStart(8)]);
console.log(`${''.padEnd(28)}${headings.join('')}`);
for (const [title, of] of lines) {
  const cells = [...measured].map(([name, result]) => {
    const ratio = name === 'simd' ? '' : of(ratioTo(result)).toFixed(1).padStart(8);
    return `${shown(of(result)).padStart(12)}${ratio}`;
  });
  console.log(`${title.padEnd(28)}${cells.join('')}`);
}
console.log(`first loss ${[...measured.values()].map(({ firstLoss }) => firstLoss.toFixed(6)).join(', ')}\n`);
const ratio = Object.fromEntries(
  [...measured].filter(([name]) => name !== 'simd').map(([name, result]) => [name, ratioTo(result)]),
);
console.log(JSON.stringify({ bench: 'tensor', ...Object.fromEntries(measured), ratio }));
