import { demoHistory, WORLD_START_MS } from '../../test/support/demo-history.js';
import { DAY_MS } from '../domain/time.js';
import { PolicySchema } from '../domain/decision.js';
import { featureMatrix } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import { createFeatureSet } from '../features/catalog.js';
import { fitPriors } from '../features/priors.js';
import { UNSCALED } from '../features/usual.js';
import type { Detector } from '../models/detector.js';
import { nextCalibration } from '../scoring/calibration.js';
import { decide } from '../scoring/decide.js';
import type { ScoringModel } from '../scoring/scoring-model.js';
import { planAttacks } from '../synthetic/fraud-patterns.js';
import { observeStream } from '../synthetic/observed-stream.js';
import { buildDataset } from './dataset.js';
import { rehearse, type RehearsalInput } from './rehearse.js';
import { RehearsalSettingsSchema } from './rehearsal-settings.js';
import { gateRowsOf, scoreSlice } from './score-slice.js';
import { wilsonShare } from './wilson.js';

const { schema, transactions, labels } = demoHistory({ seed: 6, customers: 100, days: 26 });
const at = (day: number): number => WORLD_START_MS + day * DAY_MS;
const [fromMs, toMs, budget] = [at(20), at(25), 0.02];
const policy = PolicySchema.parse({
  version: 'test',
  budget: { share: budget },
  ranking: { kind: 'lanes', weights: { S: 1, T: 0, H: 0, D: 0 } },
  declineBelow: 0.2,
});
const featureSet = createFeatureSet(schema, fitPriors(schema, transactions, labels, fromMs));
const settings = RehearsalSettingsSchema.parse({ strengths: [0.2, 1], attacks: 4, ordinary: 400, customersShareMax: 0.35 });
const dataset = await buildDataset(featureSet, transactions, labels, { keepFromMs: fromMs, keepToMs: toMs });

/** A model whose only channel scores rows by two of their features. */
const modelOf = (score: (amount: number, hour: number) => number): ScoringModel => {
  const names = featureSet.columns.map(({ name }) => name);
  const [amount, hour] = [names.findIndex((name) => name === 'tx_amount'), names.indexOf('hour')];
  const detector: Detector = {
    estimator: 'stub',
    score: ({ values, rowCount, columns }) =>
      Float64Array.from({ length: rowCount }, (_, r) =>
        score(values[r * columns.length + amount]!, values[r * columns.length + hour]!),
      ),
    save: () => ({ estimator: 'stub', meta: {}, arrays: {} }),
  };
  const background = featureMatrix(featureSet.columns, new Float32Array());
  return {
    version: 'stub',
    featureSet,
    detectors: { S: detector },
    platt: null,
    usualScales: UNSCALED,
    knownFraud: null,
    background,
  };
};
const inputOf = (model: ScoringModel): RehearsalInput => {
  const { calibration } = scoreSlice(model, dataset, fromMs, policy, () => 0);
  return { model, calibration, policy, transactions, labels, fromMs, toMs, settings };
};
const past = transactions.filter((t) => t.occurredAtMs < fromMs);
const plan = planAttacks(observeStream(schema, past), { fromMs, toMs }, settings, createRandom(settings.seed).fork('rehearsal'));
const planned = plan.passes.flatMap((pass) => pass.attacks);

const byAmount = inputOf(modelOf((amount) => amount));
const ofAmount = await rehearse(byAmount);

describe('rehearse', () => {
  test('a model that alerts on large amounts finds exactly the attacks with amounts above its threshold', () => {
    const [input, report] = [byAmount, ofAmount];
    const isAlert = (amountMinor: number): boolean =>
      decide({ S: Math.fround(amountMinor / 100), T: 0, H: 0, D: 0 }, input.calibration, policy).decision.outcome !== 'approve';
    expect(report.outcomes).toHaveLength(planned.length);
    planned.forEach((attack, i) => {
      const alerted = attack.transactions.map((t) => isAlert(t.amountMinor));
      const first = alerted.indexOf(true);
      expect(report.outcomes[i]).toEqual({
        id: attack.id,
        scenario: attack.scenario,
        strength: attack.strength,
        transactions: attack.transactions.length,
        alerted: alerted.filter(Boolean).length,
        transactionsToAlert: first < 0 ? null : first + 1,
        minutesToAlert:
          first < 0 ? null : (attack.transactions[first]!.occurredAtMs - attack.transactions[0]!.occurredAtMs) / 60_000,
      });
    });
    const power = (scenario: string, strength: number) =>
      report.cells.find((cell) => cell.scenario === scenario && cell.strength === strength)!.detected.share;
    const largeAmounts = (strength: number) =>
      ['account-takeover', 'bust-out', 'structuring'].reduce((sum, scenario) => sum + power(scenario, strength), 0);
    expect(largeAmounts(1)).toBeGreaterThan(largeAmounts(0.2) + 0.5);
    expect(power('card-testing', 1)).toBe(0);
    // Real rows: every one of the slice in every pass, alerted on as their amounts say, whatever is injected.
    const slice = transactions.filter((t) => t.occurredAtMs >= fromMs && t.occurredAtMs < toMs);
    const alerts = slice.filter((t) => isAlert(t.amountMinor)).length;
    expect(report.realAlerts).toEqual(wilsonShare(plan.passes.length * alerts, plan.passes.length * slice.length));
    const ordinary = plan.passes.flatMap((pass) => pass.ordinary);
    expect(report.control).toEqual(wilsonShare(ordinary.filter((t) => isAlert(t.amountMinor)).length, ordinary.length));
  });

  test('ordinary payments are alerted on at about the budget; the attacks do not move the level they are judged by', () => {
    const report = ofAmount;
    expect(report.control.of).toBeGreaterThanOrEqual(200);
    expect(report.control.low).toBeLessThanOrEqual(budget);
    expect(report.control.high).toBeGreaterThanOrEqual(budget / 2);
    expect(report.realAlerts.share).toBeCloseTo(budget, 2);
    expect(report.notApplicable.map(({ scenario }) => scenario)).toEqual(['refund-abuse']);
    expect(report.attackedShare).toBeLessThanOrEqual(0.35);
  });

  test('an oracle detects every attack at its first transaction, a constant model none', async () => {
    const injected = new Set(
      planned.flatMap((attack) =>
        attack.transactions.map(
          (t) => `${Math.fround(t.amountMinor / 100)}/${Math.fround((t.occurredAtMs % DAY_MS) / 3_600_000)}`,
        ),
      ),
    );
    const oracle = await rehearse(
      inputOf(modelOf((amount, hour) => (injected.has(`${amount}/${hour}`) ? 1e6 + amount : amount / 1e6))),
    );
    for (const cell of oracle.cells)
      expect(cell).toMatchObject({ detected: { share: 1 }, transactions: { share: 1 }, medianMinutes: 0, medianTransactions: 1 });
    const constant = await rehearse(inputOf(modelOf(() => 1)));
    for (const cell of constant.cells)
      expect(cell).toMatchObject({ detected: { count: 0, of: 4 }, medianMinutes: null, medianTransactions: null });
    expect(constant.control.count).toBe(0);
  });

  test('reports progress that never falls, stops when told, refuses an empty slice', async () => {
    const input = byAmount;
    const shares = new Map<string, number[]>();
    const abort = new AbortController();
    const stopped = rehearse(input, {
      signal: abort.signal,
      onProgress: (step, { share }) => {
        shares.set(step, [...(shares.get(step) ?? []), share]);
        if (step === 'rehearsal' && share > 0.3) abort.abort(new Error('enough'));
      },
    });
    await expect(stopped).rejects.toThrow('enough');
    for (const of of shares.values()) expect(of).toEqual([...of].sort((a, b) => a - b));
    expect([...shares.keys()]).toEqual(['memory', 'rehearsal']);
    await expect(rehearse({ ...input, fromMs: at(300), toMs: at(301) })).rejects.toThrow('holds no transactions');
  });
});

describe('scoreSlice', () => {
  const model = modelOf((amount) => amount);
  const side = scoreSlice(model, dataset, fromMs, policy, () => 0);

  test('each half of the days is decided on under the other half’s calibration', () => {
    const middle = dataset.transactions.findIndex((t) => t.occurredAtMs >= at(22));
    const channels = (from: number, to?: number) => {
      const zero = new Float64Array(side.scores.slice(from, to).length);
      return { S: side.scores.slice(from, to), T: zero, H: zero, D: zero };
    };
    const calibrationOf = (from: number, to?: number) =>
      nextCalibration({
        previous: null,
        window: { weight: 1, occurredAtMs: side.window.occurredAtMs.slice(from, to), channels: channels(from, to) },
        counts: null,
        policy,
        model: 'stub',
        day: 0,
      });
    const [earlier, later] = [calibrationOf(0, middle), calibrationOf(middle)];
    dataset.transactions.forEach((t, i) => {
      const raw = { S: Math.fround(t.amountMinor / 100), T: 0, H: 0, D: 0 };
      const { outcome } = decide(raw, i < middle ? later : earlier, policy).decision;
      expect(side.alerted[i]).toBe(outcome === 'approve' ? 0 : 1);
    });
  });

  test('the gate’s rows have matured labels, entities, days and segments by the profiled field', () => {
    const rows = gateRowsOf(schema, dataset.transactions, labels, toMs);
    const frauds = new Set(labels.filter((label) => label.knownAtMs <= toMs).map((label) => label.transactionId));
    dataset.transactions.forEach((t, i) => {
      expect(rows.labels[i]).toBe(t.occurredAtMs + 3 * DAY_MS > toMs ? -1 : frauds.has(t.id) ? 1 : 0);
      expect(rows.days[i]).toBe(Math.floor(t.occurredAtMs / DAY_MS));
      expect(rows.segments!.names[rows.segments!.numbers[i]!]).toBe(`category ${t.categorical[0]}`);
    });
    const customers = new Map(dataset.transactions.map((t, i) => [t.entities[0], rows.entities[i]]));
    expect(new Set(customers.values()).size).toBe(customers.size);
    dataset.transactions.forEach((t, i) => expect(rows.entities[i]).toBe(customers.get(t.entities[0])));
  });
});
