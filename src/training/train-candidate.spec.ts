import { demoHistory, WORLD_START_MS } from '../../test/support/demo-history.js';
import { DAY_MS } from '../domain/time.js';
import { loadConfig } from '../config.js';
import type { Label } from '../domain/label.js';
import { createRandom } from '../domain/random.js';
import type { Transaction } from '../domain/transaction.js';
import { labelDelayMs } from '../features/plan.js';
import { plattProbability } from '../models/platt.js';
import { scoreChannels } from '../scoring/score-batch.js';
import { loadScoringModel, readFeatureSet, saveScoringModel } from '../scoring/scoring-model.js';
import { createSimdBackend } from '../tensor/simd.js';
import { AugmentSettingsSchema } from './augment-settings.js';
import { knownFrauds, maturedLabels } from './dataset.js';
import { calibrationError } from './evaluate.js';
import { crossFitProbabilities } from './fraud-scale.js';
import { GateSettingsSchema } from './gate-settings.js';
import { priorModel } from './prior-model.js';
import { RehearsalSettingsSchema } from './rehearsal-settings.js';
import { retrain } from './retrain.js';
import { trainCandidate, type JudgedCandidate, type TrainCandidateInput } from './train-candidate.js';

const { schema, transactions, labels } = demoHistory({ seed: 6, customers: 70, days: 34 });
const config = loadConfig(undefined, {});
const at = (day: number): number => WORLD_START_MS + day * DAY_MS;
const context = () => ({ random: createRandom(3), backend: createSimdBackend(), now: () => performance.now() });
const rangesAsOf = (day: number) => ({ trainFromMs: at(4), trainToMs: at(day - 10), asOfMs: at(day) });
const basis = {
  schema,
  transactions,
  labels,
  policy: config.policy,
  parameters: {
    'log-odds-ensemble': { members: ['gradient-boosting'], memberParameters: { 'gradient-boosting': { trees: 40 } } },
  },
  estimators: { S: 'log-odds-ensemble', T: 'tail', H: 'markov-filter', D: 'gaussian-mixture' },
};

let champion: { version: string; artifact: Uint8Array };
beforeAll(async () => {
  const past = transactions.filter((t) => t.occurredAtMs < at(27));
  const first = await retrain({ ...basis, transactions: past, ...rangesAsOf(27), version: 'champion' }, context());
  champion = { version: 'champion', artifact: first.artifact };
}, 60_000);

const train = (
  changed: Partial<TrainCandidateInput> = {},
  onStep: (step: string) => void = () => undefined,
): Promise<JudgedCandidate> =>
  trainCandidate(
    {
      ...basis,
      ...rangesAsOf(34),
      version: 'candidate',
      featuresOf: champion.artifact,
      champion,
      gate: GateSettingsSchema.parse({ resamples: 200 }),
      rehearsal: RehearsalSettingsSchema.parse({ strengths: [1], attacks: 1, ordinary: 10, passesMax: 1 }),
      ...changed,
    },
    { ...context(), onProgress: onStep },
  );
const outcomeOf = ({ gate }: JudgedCandidate, name: string): string | undefined =>
  gate.checks.find((check) => check.name === name)?.outcome;

describe('a candidate before the gate', () => {
  it('keeps the champion’s feature set, is judged on the same rows, and met the same attacks', async () => {
    const { candidate, gate, rehearsal } = await train();
    expect(candidate.model.featureSet.id).toBe(readFeatureSet(champion.artifact).id);
    expect(gate).toMatchObject({ candidate: 'candidate', champion: 'champion' });
    const slice = transactions.filter((t) => t.occurredAtMs >= at(24)).length;
    expect(gate.rows).toBe(slice);
    expect(rehearsal.champion!.outcomes.map(({ id }) => id)).toEqual(rehearsal.candidate.outcomes.map(({ id }) => id));
    expect(rehearsal.candidate.fromMs).toBe(at(27));
    expect(gate.reasons.length).toBeGreaterThan(0);
    const steps = new Set<string>();
    const again = await train({}, (step) => void steps.add(step));
    // Both are of one feature set: what the line remembers is made once.
    expect([...steps].filter((step) => step.includes('memory'))).toEqual(['memory']);
    expect(Buffer.from(again.candidate.artifact).equals(Buffer.from(candidate.artifact))).toBe(true);
  }, 120_000);

  it('is not judged by the scale that was fitted on the judged rows, nor is the champion', async () => {
    const { candidate, gate } = await train({
      ...{
        trainToMs: at(16),
        gate: GateSettingsSchema.parse({ resamples: 200, maturedFraudsMin: 10, fraudEntitiesMin: 2 }),
      },
      estimators: { S: 'log-odds-ensemble' },
    });
    const { channels } = candidate.window;
    const served = channels.S.map((score) => plattProbability(candidate.model.platt!, score));
    expect(candidate.fraudProbabilities).toHaveLength(served.length);
    const known = maturedLabels(candidate.dataset.transactions, knownFrauds(labels, at(34)), at(34), labelDelayMs(schema));
    const slice = known.subarray(known.length - served.length);
    const rows = [...slice.keys()].filter((row) => slice[row]! >= 0);
    const truth = rows.map((row) => slice[row]!);
    const frauds = truth.filter((label) => label === 1).length;
    const errorOf = (probabilities: Float64Array): number =>
      (calibrationError(
        truth,
        rows.map((row) => probabilities[row]!),
      ) *
        rows.length) /
      frauds;
    const check = gate.checks.find(({ name }) => name === 'calibration error')!;
    expect(check.candidate!.value).toBeCloseTo(errorOf(candidate.fraudProbabilities!), 9);
    expect(Math.abs(check.candidate!.value - errorOf(served))).toBeGreaterThan(1e-3);
    const decides = loadScoringModel(champion.artifact, createSimdBackend());
    const { features, transactions: kept } = candidate.dataset;
    const scores = scoreChannels(decides, features).S.slice(-served.length);
    const crossFitted = crossFitProbabilities({ scores, labels: slice }, kept.slice(-served.length), decides.platt!);
    expect(check.champion!.value).toBeCloseTo(errorOf(crossFitted), 9);
    const asServed = scores.map((score) => plattProbability(decides.platt!, score));
    expect(Math.abs(check.champion!.value - errorOf(asServed))).toBeGreaterThan(1e-3);
  }, 60_000);

  it('that cannot tell rows apart is not promoted', async () => {
    const constant = {
      members: ['gradient-boosting'],
      memberParameters: { 'gradient-boosting': { trees: 1, learningRate: 1e-9 } },
    };
    const { gate } = await train({ parameters: { 'log-odds-ensemble': constant }, champion: null });
    expect(gate.verdict).not.toBe('promote');
  }, 60_000);

  it('learns from extra frauds on the training range alone, and says what became of them', async () => {
    const augment = AugmentSettingsSchema.parse({
      generators: ['duplicate'],
      shares: [1],
      draws: 1,
      resamples: 100,
      fraudsMin: 10,
      judgedEntitiesMin: 5,
    });
    const { candidate, gate } = await train({ augment });
    const { augmentation } = candidate.report;
    expect(augmentation!.reasons.length).toBeGreaterThan(0);
    expect(augmentation!.syntheticRows > 0).toBe(augmentation!.kept !== null);
    // Real rows alone are calibrated and judged on.
    expect(gate.rows).toBe(transactions.filter((t) => t.occurredAtMs >= at(24)).length);
    expect(candidate.report.calibrationRows).toBe(gate.rows);
  }, 60_000);
});

describe('the first after a prior model', () => {
  const prior = priorModel(schema)!;
  const artifact = saveScoringModel(prior);
  const cold = (asOfDay: number, trainToDay: number, known: readonly Label[] = labels) =>
    train({
      transactions: transactions.filter((t) => t.occurredAtMs < at(asOfDay)),
      labels: known.filter(({ knownAtMs }) => knownAtMs <= at(asOfDay)),
      trainFromMs: at(0),
      trainToMs: at(trainToDay),
      asOfMs: at(asOfDay),
      featuresOf: artifact,
      champion: { version: prior.version, artifact, isPrior: true },
      gate: GateSettingsSchema.parse({ resamples: 200, maturedFraudsMin: 10, fraudEntitiesMin: 2 }),
    });

  it('keeps its features and its T, and leaves what lives on labels for later', async () => {
    const { candidate, gate } = await cold(6, 4, []);
    expect(Object.keys(candidate.model.detectors).sort()).toEqual(['D', 'T']);
    expect(candidate.model.featureSet.id).toBe(prior.featureSet.id);
    expect(candidate.model.detectors.T!.save()).toEqual(prior.detectors.T!.save());
    expect(outcomeOf({ candidate, gate } as JudgedCandidate, 'matured frauds')).toBe('not-judged');
    expect(gate.champion).toBe(prior.version);
  }, 60_000);

  it('has S and H once the slice can judge them', async () => {
    const late = await cold(34, 20);
    expect(Object.keys(late.candidate.model.detectors).sort()).toEqual(['D', 'H', 'S', 'T']);
    expect(outcomeOf(late, 'matured frauds')).not.toBe('not-judged');
  }, 120_000);
});

describe('a history that is not as it should be', () => {
  const changed = (change: (transaction: Transaction) => Transaction): readonly Transaction[] => transactions.map(change);

  it.each<[string, readonly Label[]]>([
    ['no labels at all', []],
    ['three frauds', labels.slice(0, 3)],
    ['labels for ids that are not stored', [{ ...labels[0]!, transactionId: 'never-seen' }]],
  ])(
    '%s: densities, no supervised promotion',
    async (_, given) => {
      const { candidate, gate } = await train({ labels: given });
      expect(candidate.model.detectors.D).toBeDefined();
      expect(outcomeOf({ candidate, gate } as JudgedCandidate, 'matured frauds')).toBe('shadow');
      expect(['shadow', 'reject']).toContain(gate.verdict);
    },
    60_000,
  );

  it('frauds alone: a class of its own, never promoted', async () => {
    const all = transactions.map(({ id, occurredAtMs }) => ({ ...labels[0]!, transactionId: id, knownAtMs: occurredAtMs }));
    await expect(train({ labels: all })).rejects.toThrow(/rows|transactions/);
  }, 60_000);

  it('a label that flips back counts as its last word', async () => {
    const back = labels.map((label) => ({ ...label, isFraud: false, knownAtMs: label.knownAtMs + 1 }));
    const { gate } = await train({ labels: [...labels, ...back] });
    expect(gate.maturedFrauds).toBe(0);
  }, 60_000);

  it('a constant column, a gap of five days and a clock that went back for an hour leave finite scores', async () => {
    const flat = changed((t) => ({ ...t, categorical: t.categorical.map((level, field) => (field === 0 ? 'always' : level)) }));
    const gap = flat.filter((t) => t.occurredAtMs < at(12) || t.occurredAtMs >= at(17));
    const backwards = gap.map((t, i) => (i % 500 === 499 ? { ...t, occurredAtMs: t.occurredAtMs - 3_600_000 } : t));
    backwards.sort((a, b) => a.occurredAtMs - b.occurredAtMs);
    const { candidate } = await train({ transactions: backwards });
    for (const scores of Object.values(candidate.window.channels)) expect(scores.every(Number.isFinite)).toBe(true);
  }, 60_000);

  it('too short a history ends with a sentence', async () => {
    const short = transactions.filter((t) => t.occurredAtMs >= at(33.9));
    await expect(train({ transactions: short })).rejects.toThrow(/transactions in the training range; at least 50 are needed/);
  });
});
