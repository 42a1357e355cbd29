import { demoHistory, WORLD_START_MS } from '../../test/support/demo-history.js';
import { DAY_MS } from '../domain/time.js';
import { loadConfig } from '../config.js';
import type { Alert } from '../domain/alert.js';
import type { Channel } from '../domain/decision.js';
import { EvidenceColumns } from '../domain/evidence-columns.js';
import { createRandom } from '../domain/random.js';
import type { Transaction } from '../domain/transaction.js';
import { deliverOnce } from '../features/evidence-memory.js';
import { createSimdBackend } from '../tensor/simd.js';
import { defaultEstimators, retrain } from '../training/retrain.js';
import { scoreBatch } from './score-batch.js';

const { schema, transactions, labels } = demoHistory({ seed: 12, customers: 100, days: 26 });
const config = loadConfig(undefined, {});
const at = (day: number): number => WORLD_START_MS + day * DAY_MS;
const candidate = await retrain(
  {
    schema,
    transactions,
    labels,
    trainFromMs: at(3),
    trainToMs: at(18),
    asOfMs: at(26),
    policy: config.policy,
    parameters: { ...config.models, autoregressive: { hidden: 24, stepsMin: 80, stepsMax: 80 } },
    estimators: defaultEstimators(schema),
    version: 'test',
  },
  { random: createRandom(1), backend: createSimdBackend() },
);

const states = candidate.dataset.activity.states().map((state) => ({ ...state, version: 1 }));
const evidence = deliverOnce(EvidenceColumns.of(candidate.dataset.activity.evidenceDeltas()));

/** Alerts of one transaction when only `lane` has a part of the budget, and all of it. */
const alertsOf = (transaction: Transaction, lane: Channel, level = 0.999): readonly Alert[] => {
  const weights = { S: 0, T: 0, H: 0, D: 0, [lane]: 1 };
  const policy = { ...config.policy, ranking: { kind: 'lanes' as const, weights } };
  const calibration = { ...candidate.calibration, level };
  return scoreBatch({ transactions: [transaction], states, evidence }, candidate.model, { calibration, policy }).alerts;
};

const last = transactions.at(-1)!;
/** The same customer, a moment later, with an amount far above any habit. */
const huge: Transaction = { ...last, id: 'huge', occurredAtMs: at(26) + 3_600_000, amountMinor: 1_234_567 };

test.each(['S', 'T', 'H', 'D'] as const)('an alert of lane %s has that channel’s terms, largest first, in words', (lane) => {
  const [alert] = alertsOf(huge, lane);
  expect(alert).toMatchObject({ lane, transactionId: 'huge', amount: '12345.67', bound: 'budget-share' });
  expect(alert!.reasons.length).toBeGreaterThan(0);
  expect(alert!.reasons.length).toBeLessThanOrEqual(5);
  const nats = alert!.reasons.map((reason) => reason.nats);
  expect(nats).toEqual([...nats].sort((a, b) => b - a));
  for (const reason of alert!.reasons) {
    expect(reason.channel).toBe(lane);
    expect(reason.text).not.toMatch(/NaN|undefined|null/);
    expect(alert!.channels[lane].score).not.toBeNaN();
  }
  expect(alert!.sentence).toContain(alert!.reasons[0]!.text);
});

test.each(['S', 'T', 'D'] as const)('lane %s names the planted field first, with the customer’s own interval', (lane) => {
  const [alert] = alertsOf(huge, lane);
  const amount = alert!.reasons.find((reason) => reason.field === 'amount' && reason.usual?.basis === 'entity');
  expect(alert!.reasons[0]!.field).toBe('amount');
  expect(amount!.observed).toBe(12345.67);
  expect(amount!.usual!.high).toBeLessThan(2000);
  expect(amount!.text).toMatch(
    new RegExp(`12345\\.67 ${huge.currency}, usually \\d+\\.\\d\\d to \\d+\\.\\d\\d ${huge.currency}$`),
  );
});

test('T’s terms add up to its score', () => {
  const detector = candidate.model.detectors.T!;
  const { features } = candidate.dataset;
  const columns = candidate.model.featureSet.tailColumns.map((name) =>
    features.columns.findIndex((column) => column.name === name),
  );
  const row = columns.map((c) => features.values[c]!);
  const one = { columns: columns.map((c) => features.columns[c]!), rowCount: 1, values: Float32Array.from(row) };
  const terms = detector.terms!(one);
  expect(terms.values.reduce((sum, term) => sum + term, 0)).toBeCloseTo(detector.score(one)[0]!, 9);
});

test('ids are the same for a repeat and different for another transaction; nothing is raised on an approved row', () => {
  const [once, again] = [alertsOf(huge, 'S')[0]!, alertsOf(huge, 'S')[0]!];
  expect(again).toEqual(once);
  expect(once.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(alertsOf({ ...huge, id: 'other' }, 'S')[0]!.id).not.toBe(once.id);
  expect(alertsOf(last, 'H', 1e-9)).toEqual([]);
});

test.each(['T', 'D'] as const)('lane %s says which amount would have been ordinary', (lane) => {
  const [alert] = alertsOf(huge, lane);
  expect(alert!.typical!.changes.map(({ field }) => field)).toContain('amount');
  const change = alert!.typical!.changes.find(({ field }) => field === 'amount')!;
  expect(change.observed).toBe(12345.67);
  expect(change.typical).toBeLessThan(500);
  expect(alert!.typical!.text).toMatch(
    /^would be ordinary with .*amount( in this category)? \d+\.\d\d \w{3} instead of 12345\.67/,
  );
});
