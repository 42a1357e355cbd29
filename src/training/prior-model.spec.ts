import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig, loadSchema, packageRoot } from '../config.js';
import { TransactionSchemaDefinition, type TransactionSchema } from '../domain/transaction-schema.js';
import type { Transaction } from '../domain/transaction.js';
import { priorModel } from './prior-model.js';
import { buildDataset } from './dataset.js';
import { nextCalibration } from '../scoring/calibration.js';
import { loadScoringModel, saveScoringModel, type ScoringModel } from '../scoring/scoring-model.js';
import { scoreChannels } from '../scoring/score-batch.js';
import { createTensorBackend } from '../tensor-backend.js';
import { NO_MEMORY } from '../../test/support/cold-start.js';
import { replaySlice } from './replay-slice.js';
import { createRandom } from '../domain/random.js';

const SHIPPED = readdirSync(join(packageRoot, 'config', 'schemas')).map((file) => file.replace('.yaml', ''));
const PLAIN = TransactionSchemaDefinition.parse({
  name: 'plain',
  description: 'a table without time and entities',
  id: 'id',
  numeric: [
    { column: 'risky', risk: 'up' },
    { column: 'score', risk: 'down' },
  ],
  categorical: [{ column: 'kind', risk: 'up' }],
});
const RFM = TransactionSchemaDefinition.parse({
  ...loadSchema('handbook'),
  name: 'rfm',
  features: { set: 'rfm' },
});
const START_MS = Date.UTC(2026, 0, 5);
const backend = await createTensorBackend('simd', () => undefined);

const rowOf = (schema: TransactionSchema, i: number, over: Partial<Transaction> = {}): Transaction => ({
  id: `t${i}`,
  occurredAtMs: START_MS + 3_600_000 * i,
  entities: schema.entities.map((_, e) => (e === 0 ? 'c1' : `m${i % 3}`)),
  amountMinor: schema.amount ? 2_000 + 10 * (i % 7) : 0,
  currency: 'EUR',
  numeric: schema.numeric.map(() => 0.5),
  categorical: schema.categorical.map(() => 'usual'),
  ...over,
});

/** Score of T of the last row after thirty ordinary ones of the same customer. */
const lastScore = async (model: ScoringModel, over: Partial<Transaction> = {}): Promise<number> => {
  const { schema } = model.featureSet;
  const rows = [...Array.from({ length: 30 }, (_, i) => rowOf(schema, i)), rowOf(schema, 30, over)];
  const { features } = await buildDataset(model.featureSet, rows, [], { keepFromMs: 0, keepToMs: Infinity });
  return scoreChannels(model, features).T.at(-1)!;
};

describe.each([...SHIPPED.map((name) => loadSchema(name)), PLAIN, RFM])('the prior model of $name', (schema) => {
  const model = priorModel(schema)!;

  test('is a function of the schema alone, and survives saving', async () => {
    const bytes = saveScoringModel(model);
    expect(Buffer.compare(saveScoringModel(priorModel(schema)!), bytes)).toBe(0);
    expect(model.version).toMatch(/^prior-[0-9a-f]{8}$/);
    const loaded = loadScoringModel(bytes, backend);
    expect(loaded.featureSet.id).toBe(model.featureSet.id);
    expect(await lastScore(loaded)).toBe(await lastScore(model));
    const renamed = priorModel({ ...schema, name: 'other' })!;
    expect(renamed.version).not.toBe(model.version);
  });

  test('finds what is extreme in the risky direction more anomalous', async () => {
    const ordinary = await lastScore(model);
    expect(ordinary).toBeGreaterThanOrEqual(0);
    if (schema.amount) {
      const large = await lastScore(model, { amountMinor: 50_000 });
      const huge = await lastScore(model, { amountMinor: 1e12 });
      expect(large).toBeGreaterThan(ordinary + 1);
      expect(huge).toBeGreaterThan(large + 5);
    }
    const directed = schema.numeric.findIndex(({ risk }) => risk !== 'none');
    if (directed >= 0)
      for (const size of [1e3, 1e9]) {
        const sign = schema.numeric[directed]!.risk === 'down' ? -1 : 1;
        const numeric = schema.numeric.map((_, i) => (i === directed ? sign * size : 0.5));
        expect(await lastScore(model, { numeric })).toBeGreaterThan(ordinary + Math.log(size) / 2);
      }
    if (schema.entities.length > 1)
      expect(await lastScore(model, { entities: ['c1', 'never', 'never'].slice(0, schema.entities.length) })).toBeGreaterThan(
        schema.features.set === 'full' ? ordinary + 1 : ordinary - 1e-9,
      );
    const profiled = schema.features.set === 'full' && schema.categorical.length > 0;
    if (profiled)
      expect(await lastScore(model, { categorical: schema.categorical.map(() => 'unseen') })).toBeGreaterThan(ordinary + 1);
  });
});

test('a schema in which nothing is risky has no prior model', () => {
  expect(priorModel({ ...PLAIN, numeric: [{ column: 'x', risk: 'none', optional: false }], categorical: [] })).toBeNull();
});

describe('the tables', () => {
  /** Nats that T gives a value of one column of the demo's features. */
  const natsOf = (column: string, value: number, schema = loadSchema('demo')): number => {
    const { detectors, featureSet } = priorModel(schema)!;
    const columns = featureSet.tailColumns.map((wanted) => featureSet.columns.find(({ name }) => name === wanted)!);
    const place = columns.findIndex(({ name }) => name === column);
    const values = Float32Array.from(columns, (_, i) => (i === place ? value : NaN));
    return detectors.T!.score({ columns, rowCount: 1, values })[0]!;
  };

  test.each([0.5, 2, 7, 20])('a surprisal of %d nats is that many', (nats) => {
    expect(natsOf('s_gap', nats)).toBeCloseTo(nats, 2);
    expect(natsOf('s_hour', Math.log(6) + nats)).toBeCloseTo(nats, 2);
  });

  test.each([-1, 0, 0.7, 3, 12])('z = %d has the tail of Student t with 4 degrees of freedom', (z) => {
    const upper = 0.5 - (z / Math.sqrt(z * z + 4)) * 0.5 * (1 + 2 / (z * z + 4));
    expect(natsOf('z_amt', z)).toBeCloseTo(-Math.log(upper), 2);
  });

  test('an amount has the tail of its lognormal, and a number without scale that of 1 / (2 (1 + x)) in both directions', () => {
    // P(Z > 2) of the standard normal.
    expect(natsOf('log_amount', 3.1 + 1.2 * 2)).toBeCloseTo(-Math.log(0.0227501), 2);
    for (const x of [0, 3, 1e4, 1e9]) expect(natsOf('risky', x, PLAIN)).toBeCloseTo(Math.log(2 * (1 + x)), 2);
    for (const x of [0, 3, 1e4]) expect(natsOf('score', -x, PLAIN)).toBeCloseTo(Math.log(2 * (1 + x)), 2);
    expect(natsOf('score', 1e4, PLAIN)).toBeLessThan(1e-3);
  });
});

test('an alert says why, with the values as they were sent', async () => {
  const schema = loadSchema('demo');
  const model = priorModel(schema)!;
  const { policy } = loadConfig(undefined, {});
  const random = createRandom(3);
  const scores = { S: new Float64Array(500), H: new Float64Array(500), D: new Float64Array(500) };
  const T = Float64Array.from({ length: 500 }, () => 5 + random.uniform());
  const window = { weight: 1, occurredAtMs: new Float64Array(500), channels: { ...scores, T } };
  const calibration = nextCalibration({ previous: null, window, counts: null, policy, model: model.version, day: 1 });
  const transactions = [
    ...Array.from({ length: 30 }, (_, i) => rowOf(schema, i)),
    rowOf(schema, 30, { amountMinor: 900_000, categorical: ['jewellery', 'online', 'NZ'] }),
  ];
  const sentences: string[] = [];
  await replaySlice({
    model,
    memory: NO_MEMORY,
    transactions,
    labels: [],
    terms: { calibration, policy },
    onRows: (_rows, alerts) => sentences.push(...alerts.filter((a) => a.transactionId === 't30').map((a) => a.sentence)),
  });
  expect(sentences).toHaveLength(1);
  expect(sentences[0]).toMatch(/^DECLINE 9000\.00 EUR, customer c1/);
  expect(sentences[0]).not.toContain('hash');
});
