import { demoHistory, WORLD_START_MS } from '../../test/support/demo-history.js';
import { DAY_MS } from '../domain/time.js';
import { PolicySchema } from '../domain/decision.js';
import { featureMatrix } from '../domain/feature-matrix.js';
import { createFeatureSet } from '../features/catalog.js';
import { fitPriors } from '../features/priors.js';
import { UNSCALED } from '../features/usual.js';
import type { ScoringModel } from '../scoring/scoring-model.js';
import { buildDataset } from './dataset.js';
import { memoryOf, replaySlice, type SliceReplay } from './replay-slice.js';

const { schema, transactions, labels } = demoHistory({ seed: 8, customers: 40, days: 16 });
const [fromMs, toMs] = [WORLD_START_MS + 11 * DAY_MS, WORLD_START_MS + 16 * DAY_MS];
const past = transactions.filter((t) => t.occurredAtMs < fromMs);
const slice = transactions.filter((t) => t.occurredAtMs >= fromMs && t.occurredAtMs < toMs);
const featureSet = createFeatureSet(schema, fitPriors(schema, transactions, labels, fromMs));
const background = featureMatrix(featureSet.columns, new Float32Array());
const model: ScoringModel = {
  version: 'stub',
  featureSet,
  detectors: {},
  platt: null,
  usualScales: UNSCALED,
  knownFraud: null,
  background,
};
const policy = PolicySchema.parse({
  version: 'test',
  budget: { share: 0.01 },
  ranking: { kind: 'lanes', weights: { S: 1, T: 0, H: 0, D: 0 } },
  declineBelow: 0.2,
});
const before = await buildDataset(featureSet, past, labels, { keepFromMs: fromMs, keepToMs: fromMs });
const memory = memoryOf(before, past.at(-1)!.occurredAtMs);
const replay = (changed: Partial<SliceReplay> = {}) =>
  replaySlice({
    model,
    memory,
    transactions: slice,
    labels,
    terms: { calibration: null, policy },
    onRows: () => undefined,
    ...changed,
  });

describe('replaySlice', () => {
  test('goes on from the memory: the features of the slice are those of the whole history to the bit, as often as it is replayed', async () => {
    const whole = await buildDataset(featureSet, transactions, labels, { keepFromMs: fromMs, keepToMs: toMs });
    const width = featureSet.columns.length;
    for (let time = 0; time < 2; time += 1) {
      const served: Float32Array[] = [];
      await replay({ onRows: (rows) => served.push(...rows.map((row) => row.features)) });
      expect(served).toHaveLength(slice.length);
      served.forEach((row, i) => expect(row).toEqual(whole.features.values.slice(i * width, (i + 1) * width)));
    }
  });

  test('asks for its terms in event order, and no batch crosses a day', async () => {
    const asked: number[] = [];
    const batches: number[][] = [];
    const shares: number[] = [];
    await replay({
      termsAt: (ms) => {
        asked.push(ms);
        return Promise.resolve({ calibration: null, policy });
      },
      onRows: (rows) => batches.push(rows.map((row) => Math.floor(row.transaction.occurredAtMs / DAY_MS))),
      onProgress: (share) => shares.push(share),
    });
    expect(asked).toEqual([...asked].sort((a, b) => a - b));
    expect(new Set(asked.map((ms) => Math.floor(ms / DAY_MS))).size).toBe(5);
    for (const days of batches) expect(new Set(days).size).toBe(1);
    expect(shares.at(-1)).toBe(1);
  });

  test('refuses what its schema refuses, and stops when told', async () => {
    const broken = { ...slice[0]!, entities: ['', 'm1'] };
    await expect(replay({ transactions: [broken] })).rejects.toThrow(/refused by its own schema: customer/);
    await expect(replay({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  });
});
