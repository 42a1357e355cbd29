import { demoHistory, WORLD_START_MS } from '../../test/support/demo-history.js';
import { DAY_MS } from '../domain/time.js';
import { loadConfig } from '../config.js';
import { createRandom } from '../domain/random.js';
import { transactionParser } from '../domain/parse-transaction.js';
import { LocalScorer } from '../scoring/local-scorer.js';
import { MemoryScoringStore } from '../scoring/memory-store.js';
import { OnlineLine, scoreTransactions } from '../scoring/score-transactions.js';
import { loadScoringModel } from '../scoring/scoring-model.js';
import { decodeArtifacts, encodeArtifacts } from '../models/artifact.js';
import { createSimdBackend } from '../tensor/simd.js';
import { backtest } from './backtest.js';
import { runFitTask, type FitElsewhere } from './fit-channels.js';
import { type Candidate, defaultEstimators, retrain, type RetrainInput } from './retrain.js';

const history = demoHistory({ seed: 4, customers: 140, days: 32 });
const { schema, transactions, labels } = history;
const config = loadConfig(undefined, {});
const parameters = {
  ...config.models,
  autoregressive: { hidden: 24, stepsMin: 60, stepsMax: 60 },
  'log-odds-ensemble': { members: ['gradient-boosting'], memberParameters: { 'gradient-boosting': { trees: 20 } } },
};
const at = (day: number): number => WORLD_START_MS + day * DAY_MS;
const input: RetrainInput = {
  schema,
  transactions,
  labels,
  trainFromMs: at(3),
  trainToMs: at(18),
  asOfMs: at(25),
  policy: config.policy,
  parameters,
  estimators: defaultEstimators(schema),
  version: 'test',
};
/** Frauds as they are, and on top of them withdrawals, repeats, frauds called so again, and labels faster than their rows. */
const disputed = labels.flatMap((label, i) => {
  const at = (days: number, isFraud: boolean) => ({ ...label, isFraud, knownAtMs: label.knownAtMs + days * DAY_MS });
  return [
    [label],
    [label, at(1, false)],
    [label, at(0.5, true), at(2, false), at(3, true)],
    [at(-30, true)],
    [at(-30, true), at(1, false)],
  ][i % 5]!;
});
const context = () => ({ random: createRandom(1), backend: createSimdBackend() });

describe('retrain', () => {
  test('the same history and seed give the same bytes, calibration and report; another seed another model', async () => {
    const [a, b] = [await retrain(input, context()), await retrain(input, context())];
    expect(Buffer.from(a.artifact).equals(Buffer.from(b.artifact))).toBe(true);
    expect(a.calibration).toEqual(b.calibration);
    expect(a.report).toEqual(b.report);
    expect(Object.keys(a.report.estimators).sort()).toEqual(['D', 'H', 'S', 'T']);
    expect(a.report.evaluation.S!.auroc).toBeGreaterThan(0.7);
    const c = await retrain(input, { ...context(), random: createRandom(2) });
    expect(Buffer.from(a.artifact).equals(Buffer.from(c.artifact))).toBe(false);
  }, 120_000);

  test('serving computes the features of training to the bit, in any batching, and a loaded model scores the same bits', async () => {
    const candidate = await retrain({ ...input, labels: disputed }, context());
    const loaded = loadScoringModel(candidate.artifact, createSimdBackend());
    expect(loaded.featureSet.id).toBe(candidate.model.featureSet.id);
    const parser = transactionParser(schema);
    const replay = async (size: number) => {
      const buckets = [{ entityType: 'merchant', widthMs: 60_000 }];
      const served: Float32Array[] = [];
      const scores: number[] = [];
      const store = new MemoryScoringStore(buckets, (rows) => {
        for (const { scored } of rows) {
          served.push(scored.features);
          scores.push(scored.channels.D.score, scored.channels.S.score, scored.channels.T.score, scored.channels.H.score);
        }
      });
      const line = new OnlineLine(schema, parser, store, new LocalScorer(loaded, { calibration: null, policy: config.policy }));
      const past = transactions.filter((t) => t.occurredAtMs < at(25));
      const due = [...disputed].sort((a, b) => a.knownAtMs - b.knownAtMs);
      for (let from = 0; from < past.length;) {
        while (due.length > 0 && due[0]!.knownAtMs <= past[from]!.occurredAtMs) store.applyLabel(due.shift()!);
        let to = from + 1;
        while (to < past.length && to - from < size && past[to]!.occurredAtMs < (due[0]?.knownAtMs ?? Infinity)) to += 1;
        const records = past.slice(from, to).map((t) => ({
          bytes: new TextEncoder().encode(JSON.stringify(parser.toJson(t))),
          key: null,
          position: t.id,
        }));
        await scoreTransactions(records, { kind: 'direct', name: 'test' }, line);
        from = to;
      }
      return { served, scores };
    };
    const [large, small] = [await replay(500), await replay(7)];
    expect(small.scores).toEqual(large.scores);
    const { features, transactions: kept } = candidate.dataset;
    const width = features.columns.length;
    const first = large.served.length - kept.length;
    kept.forEach((_t, i) => expect(large.served[first + i]).toEqual(features.values.slice(i * width, (i + 1) * width)));
  }, 120_000);

  test('frauds that are known before the label delay has passed do not enter S, its scale or its figures', async () => {
    const until: RetrainInput = {
      ...input,
      trainToMs: at(12),
      asOfMs: at(24),
      estimators: { S: 'logistic-regression', T: 'tail' },
      // Whether it has converged makes no difference to which rows it sees.
      parameters: { 'logistic-regression': { iterationsMax: 5 } },
    };
    const delayMs = schema.label!.delayDays * DAY_MS;
    const byId = new Map(transactions.map((t) => [t.id, t.occurredAtMs]));
    const known = labels.map((label) => ({ ...label, knownAtMs: byId.get(label.transactionId)! + delayMs }));
    const early = known.map((label) => ({ ...label, knownAtMs: label.knownAtMs - delayMs + 1 }));
    const [a, b] = [await retrain({ ...until, labels: known }, context()), await retrain({ ...until, labels: early }, context())];
    expect(a.report.evaluation.S!.auroc).toBeGreaterThan(0.5);
    expect(a.model.platt).not.toEqual({ slope: 1, offset: 0 });
    expect(b.report.evaluation).toEqual(a.report.evaluation);
    expect(b.model.platt).toEqual(a.model.platt);
    const young = { ...until, trainToMs: at(23) };
    const [c, d] = [await retrain({ ...young, labels: known }, context()), await retrain({ ...young, labels: early }, context())];
    const trained = transactions.filter((t) => t.occurredAtMs >= at(3) && t.occurredAtMs < at(23));
    const ids = new Set(labels.map((label) => label.transactionId));
    const matured = trained.filter((t) => t.occurredAtMs + delayMs <= at(24));
    expect(trained.filter((t) => ids.has(t.id)).length).toBeGreaterThan(matured.filter((t) => ids.has(t.id)).length);
    expect(d.report).toMatchObject({
      trainRows: matured.length,
      trainFrauds: matured.filter((t) => ids.has(t.id)).length,
      immatureRows: trained.length - matured.length,
    });
    expect(d.model.detectors.S!.save()).toEqual(c.model.detectors.S!.save());
    // The densities do leave them out: they learn from rows that nobody called fraud.
    expect(d.model.detectors.T!.save()).not.toEqual(c.model.detectors.T!.save());
  }, 120_000);

  test('without labels nothing supervised is fitted; with too few rows it says so', async () => {
    const unlabelled = await retrain({ ...input, labels: [] }, context());
    expect(unlabelled.model.detectors.S).toBeUndefined();
    expect(unlabelled.report.evaluation.S).toBeNull();
    await expect(retrain({ ...input, trainToMs: at(3) + 60_000 }, context())).rejects.toThrow(
      /transactions in the training range/,
    );
    await expect(retrain({ ...input, estimators: { D: 'oracle' } }, context())).rejects.toThrow('"oracle"');
  }, 60_000);

  test('a channel fitted in another thread is the same to the byte', async () => {
    const tasks: string[] = [];
    /** As another thread does it: the task and its result as plain data. */
    const fitElsewhere: FitElsewhere = async (task, hooks) => {
      tasks.push(task.fork);
      const detector = await runFitTask(structuredClone(task), { ...context(), ...hooks });
      return decodeArtifacts(encodeArtifacts({ fitted: detector.save() }, {})).artifacts['fitted']!;
    };
    const beside = await retrain(input, { ...context(), fitElsewhere });
    expect(tasks).toEqual([`S/${input.estimators.S}`]);
    const here = await retrain(input, context());
    expect(Buffer.from(beside.artifact).equals(Buffer.from(here.artifact))).toBe(true);
    expect(beside.calibration).toEqual(here.calibration);
  }, 120_000);

  test('a warm start goes on from the earlier detectors of the same estimator', async () => {
    const density = { ...input, estimators: { D: 'autoregressive' } };
    const first = await retrain(density, context());
    const messages: string[] = [];
    const onProgress = (step: string, { message }: { message: string }): void =>
      void (step.startsWith('D') && messages.push(message));
    const next = await retrain({ ...density, warmStart: first.artifact }, { ...context(), onProgress });
    // A third of 60 steps.
    expect(messages.at(-1)).toMatch(/of 20\b/);
    const mean = ({ window }: Candidate): number =>
      window.channels.D.reduce((sum, score) => sum + score, 0) / window.channels.D.length;
    expect(mean(next)).toBeLessThan(mean(first) + 0.05);
    await retrain({ ...density, estimators: { D: 'vae' }, warmStart: first.artifact }, { ...context(), onProgress });
    expect(messages.at(-1)).not.toMatch(/of 20\b/);
  }, 120_000);

  test('an aborted fit rejects with the reason', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(retrain(input, { ...context(), signal })).rejects.toThrow('enough');
  });
});

describe('backtest', () => {
  const run = (holdOutType?: string, share = 0.01) =>
    backtest(
      {
        schema,
        transactions,
        labels,
        startMs: at(8),
        trainDays: 10,
        delayDays: 7,
        testDays: 7,
        policy: { ...config.policy, budget: { share } },
        parameters,
        estimators: { S: 'logistic-regression', T: 'tail', H: 'markov-filter' },
        ...(holdOutType !== undefined && { holdOutType }),
      },
      { ...context(), now: () => 0 },
    );

  test('is deterministic, keeps to its budget roughly, and leaves out customers known as compromised', async () => {
    const [a, b] = [await run(), await run()];
    expect(a).toEqual(b);
    expect(a.alertRate).toBeGreaterThan(0.003);
    expect(a.alertRate).toBeLessThan(0.03);
    expect(a.judgedRows).toBeLessThan(a.testRows);
    expect(a.auroc).toBeGreaterThan(0.75);
    const known = new Set(labels.map((label) => label.transactionId));
    const compromised = new Set(
      transactions.filter((t) => known.has(t.id) && t.occurredAtMs >= at(8) && t.occurredAtMs < at(18)).map((t) => t.entities[0]),
    );
    const byId = new Map(transactions.map((t) => [t.id, t]));
    for (const row of a.judged) expect(compromised.has(byId.get(row.id)!.entities[0])).toBe(false);
  }, 120_000);

  test('a held-out type leaves training and counts in the test', async () => {
    const [all, held] = [await run(), await run('card-testing')];
    expect(held.trainFrauds).toBeLessThan(all.trainFrauds);
    expect(held.judgedFrauds).toBe(all.judgedFrauds);
  }, 120_000);
});
