import { EvidenceColumns } from '../domain/evidence-columns.js';
import { TransactionSchemaDefinition } from '../domain/transaction-schema.js';
import { Activity } from './activity.js';
import { createFeatureSet } from './catalog.js';
import { computeFeatures } from './compute-features.js';
import { deliverOnce, EvidenceMemory } from './evidence-memory.js';
import { fitPriors } from './priors.js';

const schema = TransactionSchemaDefinition.parse({
  name: 'activity',
  description: '',
  id: 'id',
  time: { column: 'at', format: 'sql' },
  entities: [
    { name: 'customer', column: 'customer' },
    { name: 'shop', column: 'shop', bucketSeconds: 60 },
    { name: 'card', column: 'card', bucketSeconds: 3600 },
  ],
  amount: { column: 'amount', currency: 'EUR' },
  features: { set: 'rfm' },
});
const featureSet = createFeatureSet(schema, fitPriors(schema, [], [], 0));
const HOUR = 3_600_000;
const transaction = (ms: number, customer: string, shop: string) => ({
  id: `${ms}`,
  occurredAtMs: ms,
  entities: [customer, shop, 'k'],
  amountMinor: 100,
  currency: 'EUR',
  numeric: [],
  categorical: [],
});

describe('activity', () => {
  it('adds one to a cell of each secondary entity, in the order of keys', () => {
    const activity = new Activity(featureSet);
    const rows = [transaction(HOUR + 61_000, 'a', 't'), transaction(HOUR + 119_000, 'b', 't'), transaction(2 * HOUR, 'a', 's')];
    const { amountBins } = computeFeatures(featureSet, rows, activity);
    const bin = amountBins[0]!;
    expect([...amountBins]).toEqual([bin, bin, bin]);
    const cell = { bin, nFraud: 0 };
    expect(activity.evidenceDeltas()).toEqual([
      { entityType: 'card', entityId: 'k', bucketMs: HOUR, n: 2, ...cell },
      { entityType: 'card', entityId: 'k', bucketMs: 2 * HOUR, n: 1, ...cell },
      { entityType: 'shop', entityId: 's', bucketMs: 2 * HOUR, n: 1, ...cell },
      { entityType: 'shop', entityId: 't', bucketMs: HOUR + 60_000, n: 2, ...cell },
    ]);
  });

  it('says what is to be added, not what was loaded; a withdrawn label leaves nothing', () => {
    const activity = new Activity(featureSet);
    const cell = { entityId: 't', bucketMs: HOUR, bin: 3, n: 7, nFraud: 1 };
    const stored = ['shop', 'nobody'].map((entityType) => ({ entityType, ...cell }));
    new EvidenceMemory().lend(deliverOnce(EvidenceColumns.of(stored)), activity);
    const row = { entities: ['a', 't', 'k'], occurredAtMs: HOUR + 1, amountBin: 3 };
    activity.applyLabel(row, 1);
    expect(activity.evidenceDeltas()).toEqual([
      { entityType: 'card', entityId: 'k', bucketMs: HOUR, bin: 3, n: 0, nFraud: 1 },
      { entityType: 'shop', entityId: 't', bucketMs: HOUR, bin: 3, n: 0, nFraud: 1 },
    ]);
    activity.applyLabel(row, -1);
    expect(activity.evidenceDeltas()).toEqual([]);
  });

  it('gives the states that changed, and takes no bytes for no state', () => {
    const before = new Activity(featureSet);
    computeFeatures(featureSet, [transaction(HOUR, 'a', 's'), transaction(HOUR, 'b', 's')], before);
    const activity = new Activity(featureSet);
    for (const { entityId, bytes } of before.states()) activity.addState(entityId, bytes);
    activity.addState('c', new Uint8Array(0));
    expect(activity.states()).toEqual([]);
    computeFeatures(featureSet, [transaction(2 * HOUR, 'b', 's'), transaction(2 * HOUR, 'c', 's')], activity);
    expect(
      activity
        .states()
        .map((state) => state.entityId)
        .sort(),
    ).toEqual(['b', 'c']);
  });
});
