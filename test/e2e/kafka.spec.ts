import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import pg from 'pg';
import type { Alert } from '../../src/domain/alert.js';
import { createWorld } from '../../src/synthetic/world.js';
import { eventually, testBroker, uniqueName, type TestBroker } from '../support/kafka.js';
import { startTestPostgres, temporaryHome, type TestPostgres } from '../support/postgres.js';
import { runProgram, startProgram, type RunningProgram } from '../support/program.js';

const ROOT = join(import.meta.dirname, '..', '..');
const HISTORY_DAYS = 24;
const LIVE_DAYS = 4;

/** The production service: a model fitted on a file, a real broker, a real Postgres, alerts on the topic. */
describe('transactions on Kafka in, explained alerts on Kafka out', () => {
  const world = createWorld({ seed: 21, customers: 120, merchants: 60, startMs: Date.UTC(2026, 0, 1) });
  const live = Array.from({ length: LIVE_DAYS }, (_, i) => world.day(HISTORY_DAYS + i).transactions).flat();
  const topics = Object.fromEntries(['transactions', 'labels', 'alerts', 'dead'].map((use) => [use, uniqueName(use)])) as Record<
    'transactions' | 'labels' | 'alerts' | 'dead',
    string
  >;
  let folder: string;
  let broker: TestBroker;
  let postgres: TestPostgres;
  let database: pg.Client;
  let environment: Record<string, string>;
  let program: RunningProgram | undefined;

  const csv = (fromDay: number, days: number): string => {
    const header = 'id,occurred_at,customer,merchant,amount,currency,category,channel,country,label,type';
    const rows = Array.from({ length: days }, (_, i) => world.day(fromDay + i)).flatMap(({ transactions, truth }) =>
      transactions.map((t, i) =>
        [
          t.id,
          t.occurred_at,
          t.customer,
          t.merchant,
          t.amount,
          t.currency,
          t.category,
          t.channel,
          t.country,
          truth[i]!.isFraud ? 1 : 0,
          truth[i]!.type ?? '',
        ].join(','),
      ),
    );
    return `${[header, ...rows].join('\n')}\n`;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'surprisal-kafka-'));
    broker = await testBroker();
    postgres = await startTestPostgres();
    const url = await postgres.createDatabase();
    database = new pg.Client({ connectionString: url });
    await database.connect();
    environment = {
      DATABASE_URL: url,
      SURPRISAL_HOME: await temporaryHome(),
      SURPRISAL_API_KEY: 'a-key-for-the-kafka-test',
      PORT: '0',
      SURPRISAL__MODELS__AUTOREGRESSIVE__STEPS_MIN: '100',
      SURPRISAL__SERVICE__KAFKA__GROUP_ID: uniqueName('surprisal'),
      ...Object.fromEntries(
        Object.entries(topics).map(([use, name]) => [`SURPRISAL__SERVICE__KAFKA__TOPICS__${use.toUpperCase()}`, name]),
      ),
    };
    await writeFile(join(folder, 'history.csv'), csv(0, HISTORY_DAYS));
    await writeFile(join(folder, 'live.csv'), csv(HISTORY_DAYS, LIVE_DAYS));
  }, 120_000);

  afterAll(async () => {
    await program?.stop('SIGKILL').catch(() => undefined);
    await database?.end();
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const count = async (sql: string): Promise<number> => Number((await database.query<{ n: string }>(sql)).rows[0]!.n);
  const serve = (): RunningProgram =>
    startProgram(['serve', '--schema', 'demo'], { ...environment, KAFKA_BROKERS: broker.brokers.join(',') });

  test('a model is fitted on a file and promoted', async () => {
    const model = join(folder, 'model');
    const fitted = await runProgram(
      ['fit', '--schema', 'demo', '--data', join(folder, 'history.csv'), '--out', model],
      environment,
    );
    expect(fitted).toMatchObject({ code: 0 });
    const promoted = await runProgram(['models', 'promote', '--model', model], environment);
    expect(promoted.output).toMatch(/is the champion of schema demo; it remembers \d+ primary entities/);
    expect(promoted.code).toBe(0);
  }, 300_000);

  test('every record ends as scored, repeat or dead letter', async () => {
    program = serve();
    await program.waitFor(/page: /);
    const { code, output } = await runProgram(
      [
        'replay',
        '--schema',
        'demo',
        '--data',
        join(folder, 'live.csv'),
        '--brokers',
        broker.brokers.join(','),
        '--topic',
        topics.transactions,
      ],
      environment,
    );
    expect({ code, output }).toMatchObject({ code: 0 });
    const kafka = new kafkajs.Kafka({ brokers: [...broker.brokers], logLevel: kafkajs.logLevel.NOTHING });
    const producer = kafka.producer();
    await producer.connect();
    const first = live[0]!;
    const send = (value: string) => producer.send({ topic: topics.transactions, messages: [{ key: first.customer, value }] });
    await send('{"id": "broken"');
    await send(JSON.stringify(first));
    await send(JSON.stringify({ ...first, amount: '1000000000000000.00' }));
    await send(JSON.stringify({ ...first, id: 'from-the-future', occurred_at: '2199-01-01T00:00:00Z' }));
    await producer.send({
      topic: topics.labels,
      messages: [
        {
          value: JSON.stringify({
            transactionId: first.id,
            isFraud: true,
            source: 'chargeback',
            knownAt: '2026-02-01T00:00:00Z',
          }),
        },
      ],
    });
    await producer.disconnect();

    await eventually(
      'all transactions are scored',
      async () => (await count('SELECT count(*) AS n FROM transactions')) === live.length,
      120_000,
    );
    await eventually('three dead letters', async () => (await count('SELECT count(*) AS n FROM dead_letters')) === 3, 30_000);
    expect(await count('SELECT coalesce(sum(count), 0) AS n FROM repeats')).toBe(1);
    await eventually('the label is stored', async () => (await count('SELECT count(*) AS n FROM labels')) === 1, 30_000);
    const reasons = (await database.query<{ reason: string }>('SELECT reason FROM dead_letters')).rows
      .map((row) => row.reason)
      .join('\n');
    expect(reasons).toMatch(/JSON/);
    expect(reasons).toMatch(/amount: "1000000000000000\.00" is not a decimal string/);
    expect(reasons).toMatch(/occurred_at: 2199.*one hour after the service's clock/);
  }, 240_000);

  test('the alerts of the database are on the topic, once each, explained', async () => {
    const stored = await count('SELECT count(*) AS n FROM alerts');
    expect(stored).toBeGreaterThan(3);
    expect(stored / live.length).toBeLessThan(0.05);
    const kafka = new kafkajs.Kafka({ brokers: [...broker.brokers], logLevel: kafkajs.logLevel.NOTHING });
    const consumer = kafka.consumer({ groupId: uniqueName('finance') });
    const received: Alert[] = [];
    await consumer.connect();
    await consumer.subscribe({ topics: [topics.alerts], fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message }) => {
        const alert = JSON.parse(message.value!.toString()) as Alert;
        expect(message.key?.toString()).toBe(alert.entities['customer']);
        received.push(alert);
        return Promise.resolve();
      },
    });
    await eventually('every alert arrives', () => received.length >= stored, 60_000);
    await consumer.disconnect();
    expect(new Set(received.map((alert) => alert.id)).size).toBe(stored);
    for (const alert of received) {
      expect(alert.sentence).toContain(alert.amount!);
      expect(alert.reasons.length).toBeGreaterThan(0);
    }
  }, 120_000);

  test('dead letters go back to their topic: what is good now is scored, what is bad again has a new position', async () => {
    const brokers = { ...environment, KAFKA_BROKERS: broker.brokers.join(',') };
    const listed = async (...more: string[]) => {
      const { code, stdout } = await runProgram(['dead-letters', 'list', '--json', ...more], environment);
      expect(code).toBe(0);
      return (JSON.parse(stdout) as { items: { position: string; retriedAt: string | null; bytes?: object }[] }).items;
    };
    const refused = await listed('--bytes');
    expect(refused).toHaveLength(3);
    expect(refused.map(({ bytes }) => bytes)).toContainEqual({ text: '{"id": "broken"' });
    // As a release before this one, with a stricter schema, would have left it.
    const good = JSON.stringify({ ...live.at(-1)!, id: 'good-now' });
    const place = `${topics.transactions}/0/0`;
    await database.query('INSERT INTO dead_letters (position, key, reason, bytes) VALUES ($1, $2, $3, $4)', [
      place,
      live.at(-1)!.customer,
      'channel: not known',
      Buffer.from(good),
    ]);
    const retry = (...more: string[]) => runProgram(['dead-letters', 'retry', '--all', ...more], brokers);
    expect(await retry()).toMatchObject({ code: 0, stdout: `4 sent back to ${topics.transactions}\n` });
    const scored = `SELECT count(*) AS n FROM transactions WHERE id = 'good-now'`;
    await eventually('the good one is scored', async () => (await count(scored)) === 1, 60_000);
    await eventually('the others are dead letters again', async () => (await listed()).length === 7, 60_000);
    const now = await listed();
    expect(new Set(now.map(({ position }) => position)).size).toBe(7);
    expect(now.map(({ retriedAt }) => retriedAt !== null)).toEqual([false, false, false, true, true, true, true]);
    // The good one once more is a repeat.
    await runProgram(['dead-letters', 'retry', '--position', place, '--again'], brokers);
    await eventually('a repeat', async () => (await count('SELECT sum(count) AS n FROM repeats')) === 2, 60_000);
    expect(await count(scored)).toBe(1);
  }, 240_000);

  test('a restart goes on from the stored position', async () => {
    expect(await program!.stop()).toBe(0);
    const before = await count('SELECT count(*) AS n FROM dead_letters');
    program = serve();
    await program.waitFor(/page: /);
    const url = new URL(/page: (http\S+)/.exec(program.output())![1]!).origin;
    await eventually('the service is ready', async () => (await fetch(`${url}/health/ready`)).ok, 60_000);
    expect(await count('SELECT count(*) AS n FROM dead_letters')).toBe(before);
    expect(await count('SELECT coalesce(sum(count), 0) AS n FROM repeats')).toBe(2);
  }, 120_000);

  test('a champion that cannot be loaded leaves the one before in its place, and health says so', async () => {
    const url = new URL(/page: (http\S+)/.exec(program!.output())![1]!).origin;
    const model = async (): Promise<string> =>
      ((await (await fetch(`${url}/health/ready`)).json()) as { checks: { model: string } }).checks.model;
    const { version } = (await database.query<{ version: string }>('SELECT version FROM model_roles')).rows[0]!;
    await database.query(`INSERT INTO model_versions (version, schema, feature_set, checksum, trained_at, report, artifact)
      SELECT 'damaged', schema, feature_set, checksum, trained_at, report, overlay(artifact placing '\\x00' from 5000) FROM model_versions`);
    await database.query(`UPDATE model_roles SET version = 'damaged'`);
    await eventually('health names it', async () => (await model()).startsWith('champion damaged cannot be loaded'), 30_000);
    await database.query('UPDATE model_roles SET version = $1', [version]);
    await eventually('all is well again', async () => (await model()) === 'ok', 30_000);
    expect(await program!.stop()).toBe(0);
  }, 120_000);

  test('the champion is not promoted again; a model of other features is refused', async () => {
    const before = await count('SELECT sum(n) AS n FROM evidence_cells');
    const changes = await count('SELECT count(*) AS n FROM role_changes');
    const again = await runProgram(['models', 'promote', '--model', join(folder, 'model')], environment);
    expect(again.output).toMatch(/model demo-\S+ is the champion already/);
    expect(again.code).toBe(1);
    expect(await count('SELECT count(*) AS n FROM role_changes')).toBe(changes);
    expect(await count('SELECT sum(n) AS n FROM evidence_cells')).toBe(before);
    const schema = (await readFile(join(ROOT, 'config', 'schemas', 'demo.yaml'), 'utf8')).replace('[1, 7, 30]', '[1, 14, 30]');
    await writeFile(join(folder, 'other.yaml'), schema);
    const data = join(folder, 'history.csv');
    const fitted = await runProgram(
      ['fit', '--schema', join(folder, 'other.yaml'), '--data', data, '--detector', 'tail', '--out', join(folder, 'other')],
      environment,
    );
    expect(fitted).toMatchObject({ code: 0 });
    const refused = await runProgram(['models', 'promote', '--model', join(folder, 'other')], environment);
    expect(refused.code).toBe(2);
    expect(refused.output).toMatch(/this database remembers by the features full-\w+, the model by full-\w+/);
    expect(await count('SELECT sum(n) AS n FROM evidence_cells')).toBe(before);
  }, 240_000);
});
