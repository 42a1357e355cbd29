import { beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { list, retry, type ListOptions, type RetryOptions } from '../../src/cli/dead-letters.js';
import { loadConfig, type Config } from '../../src/config.js';
import { DeadLetterStore } from '../../src/store/dead-letter.store.js';
import { eventually, testBroker, uniqueName, withTopic, type TestBroker } from '../support/kafka.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';

let broker: TestBroker;
let postgres: TestPostgres;
let source: DataSource;
let store: DeadLetterStore;
let config: Config;
let topics: { readonly transactions: string; readonly labels: string };

beforeAll(async () => {
  Logger.overrideLogger(false);
  broker = await testBroker();
  postgres = await startTestPostgres();
}, 120_000);
afterAll(() => postgres.stop());
beforeEach(async () => {
  source = await postgres.createDataSource();
  store = new DeadLetterStore(source);
  topics = {
    transactions: await withTopic(broker.kafka, uniqueName('in'), 3),
    labels: await withTopic(broker.kafka, uniqueName('labels'), 1),
  };
  config = loadConfig(undefined, {
    DATABASE_URL: (source.options as { url: string }).url,
    KAFKA_BROKERS: broker.brokers.join(','),
    SURPRISAL__SERVICE__KAFKA__TOPICS__TRANSACTIONS: topics.transactions,
    SURPRISAL__SERVICE__KAFKA__TOPICS__LABELS: topics.labels,
  });
});

const run = async (command: (io: Parameters<typeof list>[2]) => Promise<void>): Promise<string> => {
  let out = '';
  const write = (text: string): Promise<void> => {
    out += text;
    return Promise.resolve();
  };
  await command({ write, progress: { report: () => undefined, note: () => undefined, stop: () => undefined } });
  return out;
};
const listed = (options: Partial<ListOptions> = {}, using = config) => run((io) => list({ limit: 50, ...options }, using, io));
const retried = (options: RetryOptions, using = config) => run((io) => retry(options, using, io));

/** Bytes that are no text; a transaction; a label. */
const BYTES = [Buffer.from([0xff, 0x00, 0x7b]), Buffer.from('{"id": "t-ü"}'), Buffer.from('{"isFraud": 1}')];
const keep = (): Promise<void> => {
  const letter = (position: string, bytes: Uint8Array, key: string | null, reason: string) => ({
    record: { position, bytes, key },
    reason,
  });
  return store.keep([
    letter(`${topics.transactions}/2/7`, BYTES[0]!, 'c-1', 'message: 3 bytes are not JSON in UTF-8'),
    letter(`${topics.transactions}/0/9`, BYTES[1]!, null, 'amount: nothing is not a decimal string'),
    letter(`${topics.labels}/0/1`, BYTES[2]!, 't-1', 'isFraud: 1 is not true or false'),
    letter('http/3d9b6d34-0000-4000-8000-000000000000/0', BYTES[1]!, null, 'id: t-ü is not new'),
  ]);
};

interface Received {
  readonly topic: string;
  readonly key: string | null;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}
/** Everything on the two topics, once there are `count` messages and for a moment no more. */
const readAll = async (count: number): Promise<Received[]> => {
  const consumer = broker.kafka.consumer({ groupId: uniqueName('reader'), maxWaitTimeInMs: 200 });
  const received: Received[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics: Object.values(topics), fromBeginning: true });
  await consumer.run({
    eachMessage: ({ topic, message }) => {
      const headers = Object.fromEntries(Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]));
      received.push({ topic, key: message.key?.toString() ?? null, value: message.value!.toString('hex'), headers });
      return Promise.resolve();
    },
  });
  await eventually(`${count} messages`, () => received.length >= count);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await consumer.disconnect();
  return received.sort((a, b) => (a.headers['retry-of']! < b.headers['retry-of']! ? -1 : 1));
};

describe('dead-letters list', () => {
  it('pages newest first; bytes come as text, or as base64 where they are none', async () => {
    await keep();
    const first = JSON.parse(await listed({ limit: 3, bytes: true, json: true })) as { items: object[]; nextCursor: string };
    expect(first.items).toMatchObject([
      { position: 'http/3d9b6d34-0000-4000-8000-000000000000/0' },
      { position: `${topics.labels}/0/1`, key: 't-1', size: 14, retriedAt: null, bytes: { text: '{"isFraud": 1}' } },
      { position: `${topics.transactions}/0/9`, key: null, bytes: { text: '{"id": "t-ü"}' } },
    ]);
    const { items, nextCursor } = JSON.parse(await listed({ cursor: first.nextCursor, bytes: true, json: true })) as typeof first;
    expect(items).toMatchObject([{ position: `${topics.transactions}/2/7`, bytes: { base64: '/wB7' } }]);
    expect(nextCursor).toBeNull();
    expect(JSON.parse(await listed({ limit: 1, json: true }))).not.toHaveProperty('items.0.bytes');
  });

  it('prints a paragraph a letter, and nothing that would steer a terminal', async () => {
    expect(await listed()).toBe('there is none\n');
    await store.keep([{ record: { position: 'x/0/1', bytes: Buffer.from('\u001b[2J'), key: 'k\n' }, reason: 'message: no' }]);
    const lines = (await listed({ bytes: true })).split('\n');
    expect(lines[0]).toMatch(/^x\/0\/1 {2}\d{4}-\d\d-\d\dT[\d:.]+Z, 4 bytes, key k\\u000a$/);
    expect(lines.slice(1)).toEqual(['  message: no', '  text: \\u001b[2J', '']);
    await keep();
    expect((await listed({ limit: 2 })).split('\n').at(-2)).toMatch(/^more: --cursor \S+$/);
  });

  it('is narrowed by reason and time', async () => {
    await keep();
    await source.query(`UPDATE dead_letters SET received_at = '2026-01-31T12:00:00Z' WHERE key = 't-1'`);
    const positions = async (options: Partial<ListOptions>): Promise<string[]> =>
      (JSON.parse(await listed({ ...options, json: true })) as { items: { position: string }[] }).items.map((l) => l.position);
    expect(await positions({ reason: 'NOT JSON' })).toEqual([`${topics.transactions}/2/7`]);
    expect(await positions({ reason: '%' })).toEqual([]);
    expect(await positions({ since: Date.parse('2026-01-31T12:00:00Z') })).toHaveLength(4);
    expect(await positions({ since: Date.parse('2026-01-31T12:00:01Z') })).toHaveLength(3);
    await expect(listed({ cursor: 'x' })).rejects.toThrow(/^--cursor: x is not the nextCursor of an earlier page/);
  });
});

describe('dead-letters retry', () => {
  it('sends bytes and key back to their topic, once; what came by HTTP is left', async () => {
    await keep();
    const left = `1 left (http/3d9b6d34-0000-4000-8000-000000000000/0): did not come from Kafka; its sender was told\n`;
    expect(await retried({ all: true })).toBe(`2 sent back to ${topics.transactions}\n1 sent back to ${topics.labels}\n${left}`);
    expect(await retried({ all: true })).toBe(left);
    const sentBack = [
      { topic: topics.transactions, key: null, value: BYTES[1]!.toString('hex'), from: `${topics.transactions}/0/9` },
      { topic: topics.transactions, key: 'c-1', value: BYTES[0]!.toString('hex'), from: `${topics.transactions}/2/7` },
      { topic: topics.labels, key: 't-1', value: BYTES[2]!.toString('hex'), from: `${topics.labels}/0/1` },
    ]
      .map(({ from, ...message }) => ({ ...message, headers: { 'retry-of': from } }))
      .sort((a, b) => (a.headers['retry-of'] < b.headers['retry-of'] ? -1 : 1));
    expect(await readAll(3)).toEqual(sentBack);
    const { items } = await store.list({ limit: 9 });
    expect(items.map(({ retriedAt }) => retriedAt !== null)).toEqual([false, true, true, true]);
  });

  it('takes named positions, and those retried before only when told to', async () => {
    await keep();
    const position = [`${topics.transactions}/2/7`];
    expect(JSON.parse(await retried({ position, json: true }))).toEqual({ sent: { [topics.transactions]: 1 }, left: [] });
    await expect(retried({ position })).rejects.toThrow(/2\/7 was retried at 2\S+Z; --again sends it once more$/);
    await retried({ position, again: true });
    await expect(retried({ position: [...position, 'nowhere/0/1'], again: true })).rejects.toThrow(
      'there is no dead letter at position nowhere/0/1',
    );
    expect((await readAll(2)).map(({ headers }) => headers['retry-of'])).toEqual([position[0], position[0]]);
  });

  it('is narrowed by reason and time', async () => {
    await keep();
    await source.query(`UPDATE dead_letters SET received_at = '2026-01-31T12:00:00Z' WHERE key IS NOT NULL`);
    const since = Date.parse('2026-02-01T00:00:00Z');
    expect(await retried({ all: true, reason: 'not json', since })).toBe('there is none to retry\n');
    expect(await retried({ all: true, reason: 'decimal', since })).toBe(`1 sent back to ${topics.transactions}\n`);
  });

  it('leaves what comes in meanwhile: a letter that stays bad does not go round for ever', async () => {
    await keep();
    let rounds = 0;
    await store.retry({ again: false }, async (letters) => {
      rounds += 1;
      await store.keep(
        letters.map(({ payload, key }, i) => ({
          record: { position: `again/${rounds}/${i}`, bytes: payload, key },
          reason: 'still bad',
        })),
      );
      return letters.map(({ id }) => id);
    });
    expect(rounds).toBe(1);
    expect((await store.list({ limit: 9, reason: 'still bad' })).items).toHaveLength(4);
  });

  it('marks nothing that was not acknowledged, and says what is wrong', async () => {
    await keep();
    const nowhere = loadConfig(undefined, {
      DATABASE_URL: config.databaseUrl!,
      KAFKA_BROKERS: '127.0.0.1:1',
      SURPRISAL__SERVICE__KAFKA__TOPICS__TRANSACTIONS: topics.transactions,
    });
    await expect(retried({ position: [`${topics.transactions}/2/7`] }, nowhere)).rejects.toThrow(
      new RegExp(`^cannot publish to ${topics.transactions} on Kafka at 127\\.0\\.0\\.1:1: `),
    );
    expect((await store.list({ limit: 9 })).items.every(({ retriedAt }) => retriedAt === null)).toBe(true);
  });

  it('sends each letter once, in parts of a hundred; a second retry meanwhile is refused', async () => {
    await store.keep(
      Array.from({ length: 250 }, (_, i) => ({
        record: { position: `${topics.transactions}/0/${i}`, bytes: Buffer.from(String(i)), key: 'c' },
        reason: 'bad',
      })),
    );
    const parts: number[] = [];
    await store.retry({ again: false }, async (letters) => {
      parts.push(letters.length);
      await expect(retried({ all: true })).rejects.toThrow('another retry of dead letters is running on this database');
      return [];
    });
    expect(parts).toEqual([100, 100, 50]);
    expect(await retried({ all: true })).toBe(`250 sent back to ${topics.transactions}\n`);
    expect(await retried({ all: true })).toBe('there is none to retry\n');
    const received = await readAll(250);
    expect(new Set(received.map(({ headers }) => headers['retry-of'])).size).toBe(250);
    expect(received).toHaveLength(250);
  });
});
