import { createRandom } from '../domain/random.js';
import { createReferenceBackend } from '../tensor/reference.js';
import { saveWeights, zeroRow } from './network-weights.js';
import { type Training, trainNetwork } from './train-network.js';

const targets = Float32Array.from({ length: 200 }, (_, r) => 3 + Math.sin(r));
const settings = {
  batchSize: 32,
  epochs: 10,
  stepsMin: 200,
  stepsMax: 200,
  learningRate: 0.05,
  clipNorm: 5,
  validationShare: 0.1,
};

/** (target - level - offset)^2, where only `level` is learnt. */
const training: Training = {
  initial: { level: zeroRow(1), offset: { rows: 1, columns: 1, values: Float32Array.of(1) } },
  fixed: (name) => name === 'offset',
  rowCount: 200,
  settings,
  loss(engine, tensors, rows) {
    const batch = engine.constant(
      rows.length,
      1,
      Float32Array.from(rows, (r) => targets[r]!),
    );
    return engine.mean(engine.square(engine.sub(engine.sub(batch, tensors('level')), tensors('offset'))));
  },
};
const contextOf = () => ({ random: createRandom(1), backend: createReferenceBackend() });

describe('training loop', () => {
  it('learns the weights and leaves the fixed ones', async () => {
    const { level, offset } = await trainNetwork(training, contextOf());
    expect(level!.values[0]).toBeCloseTo(2, 0);
    expect([...offset!.values]).toEqual([1]);
  });

  it('gives the same bits for the same seed', async () => {
    const first = await trainNetwork(training, contextOf());
    expect(await trainNetwork(training, contextOf())).toEqual(first);
  });

  it('keeps the best validation snapshot when later steps are worse', async () => {
    let step = 0;
    const spoilt: Training = {
      ...training,
      loss(engine, tensors, rows, noise) {
        if (noise) step += 1;
        const loss = training.loss(engine, tensors, rows, noise);
        return noise && step > 100 ? engine.neg(loss) : loss;
      },
    };
    const { level } = await trainNetwork(spoilt, contextOf());
    expect(level!.values[0]).toBeCloseTo(2, 0);
  });

  it('goes on from an earlier fit in a third of the steps, and is no worse on the rows held back', async () => {
    const messages: string[] = [];
    const onProgress = ({ message }: { message: string }): void => void messages.push(message);
    const first = await trainNetwork(training, contextOf());
    const { meta, values } = saveWeights(first);
    const warmStart = { estimator: 'test', meta: { weights: meta }, arrays: { weights: values } };
    const next = await trainNetwork(training, { ...contextOf(), onProgress, warmStart });
    expect(messages.at(-1)).toMatch(/^step 67 of 67|^stopped at step \d+ of 67/);
    expect(next['level']!.values[0]).toBeCloseTo(2, 0);
    const grown: Training = { ...training, initial: { ...training.initial, level: zeroRow(2) } };
    const cold = {
      ...grown,
      loss: (...given: Parameters<Training['loss']>) => given[0].mean(given[0].square(given[1]('level'))),
    };
    await trainNetwork(cold, { ...contextOf(), onProgress, warmStart });
    expect(messages.at(-1)).toMatch(/of 200/);
  });

  it('stops early when the rows held back no longer gain', async () => {
    const messages: string[] = [];
    const onProgress = ({ message }: { message: string }): void => void messages.push(message);
    const still: Training = { ...training, settings: { ...settings, learningRate: 1e-12 } };
    await trainNetwork(still, { ...contextOf(), onProgress });
    expect(messages.at(-1)).toBe('stopped at step 110 of 200: no longer better on held-back rows');
  });

  it('stops with the signal and says which weight is unknown', async () => {
    const controller = new AbortController();
    const onProgress = (): void => controller.abort('stop');
    await expect(trainNetwork(training, { ...contextOf(), signal: controller.signal, onProgress })).rejects.toBe('stop');
    const wrong: Training = { ...training, loss: (_, tensors) => tensors('missing') };
    await expect(trainNetwork(wrong, contextOf())).rejects.toThrow(/no weight "missing"; it has offset, level/);
  });
});
