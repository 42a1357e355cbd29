import { beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { OutboxRow } from '../../src/scoring/ports.js';
import { AlertRelay } from '../../src/stream/alert-relay.js';
import { withAdmin } from '../../src/stream/kafka-client.js';
import { KafkaPublisher } from '../../src/stream/kafka-publisher.js';
import { replayToKafka } from '../../src/stream/replay.js';
import { ensureTopics, type TopicNames } from '../../src/stream/topics.js';
import { eventually, type TestBroker, testBroker, uniqueName, withTopic } from '../support/kafka.js';
import { MemoryOutbox } from '../support/memory-stream-ports.js';

interface Received {
  readonly topic: string;
  readonly partition: number;
  readonly key: string | null;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

let broker: TestBroker;
beforeAll(async () => {
  Logger.overrideLogger(false);
  broker = await testBroker();
});

const names = (): TopicNames => {
  const name = uniqueName('r');
  return { transactions: `${name}.in`, labels: `${name}.labels`, alerts: `${name}.alerts`, dead: `${name}.dead` };
};

/** Everything on the topics, once there are `count` messages. */
const readAll = async (topics: string[], count: number): Promise<Received[]> => {
  const consumer = broker.kafka.consumer({ groupId: uniqueName('reader'), maxWaitTimeInMs: 200 });
  const received: Received[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ topic, partition, message }) => {
      const headers = Object.fromEntries(Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]));
      received.push({ topic, partition, key: message.key?.toString() ?? null, value: message.value!, headers });
      return Promise.resolve();
    },
  });
  await eventually(`${count} messages`, () => received.length >= count);
  await consumer.disconnect();
  return received;
};

const alert = (id: number, key: string): OutboxRow => ({
  id: BigInt(id),
  kind: 'alert',
  key,
  payload: JSON.stringify({ id: `alert-${id}` }),
  headers: { 'alert-id': `alert-${id}` },
});

const relayOf = (
  outbox: MemoryOutbox,
  topics: TopicNames,
  holder: string,
  publisher = new KafkaPublisher({ brokers: broker.brokers, clientId: holder }),
) => new AlertRelay(outbox, publisher, { topics, holder });

describe('topics', () => {
  it('makes what is missing once, and refuses two uses of one name', async () => {
    const topics = names();
    const made = await withAdmin(broker.kafka, (admin) => ensureTopics(admin, topics));
    expect(made).toEqual([topics.transactions, topics.labels, topics.alerts, topics.dead]);
    expect(await withAdmin(broker.kafka, (admin) => ensureTopics(admin, topics))).toEqual([]);
    await expect(withAdmin(broker.kafka, (admin) => ensureTopics(admin, { ...topics, dead: topics.alerts }))).rejects.toThrow(
      /topics\.alerts and topics\.dead are both/,
    );
  });
});

describe('AlertRelay on a real broker', () => {
  it('publishes in id order per key, marks what was acknowledged, keeps the bytes of dead letters', async () => {
    const topics = names();
    await withAdmin(broker.kafka, (admin) => ensureTopics(admin, topics));
    const outbox = new MemoryOutbox();
    for (let id = 1; id <= 1_200; id += 1) outbox.rows.push(alert(id, `customer-${id % 7}`));
    const bytes = Buffer.from([0xff, 0x00, 0x7b]);
    const headers = { reason: 'message: 3 bytes are not JSON', position: 't/0/5' };
    outbox.rows.push({ id: 1_201n, kind: 'dead-letter', key: null, payload: bytes, headers });
    outbox.rows.push({ id: 1_202n, kind: 'dead-letter', key: 'k', payload: Buffer.alloc(1_040_000, 1), headers });
    const relay = relayOf(outbox, topics, 'a');
    expect(await relay.turn()).toBe('published');
    expect(outbox.published.size).toBe(1_202);
    expect(await relay.turn()).toBe('idle');
    expect(await relay.health()).toMatchObject({ state: 'leading', published: 1_202, waiting: 0, lastError: null });
    await relay.close();

    const received = await readAll([topics.alerts, topics.dead], 1_202);
    for (let customer = 0; customer < 7; customer += 1) {
      const ids = received.filter((m) => m.key === `customer-${customer}`).map((m) => Number(m.headers['alert-id']!.slice(6)));
      expect(ids.length).toBeGreaterThan(170);
      expect(ids).toEqual([...ids].sort((a, b) => a - b));
    }
    const dead = received.filter((m) => m.topic === topics.dead);
    expect(dead[0]).toMatchObject({ key: null, headers });
    expect(Buffer.compare(dead[0]!.value, bytes)).toBe(0);
    expect(dead[1]!.value.length).toBe(900_000);
    expect(dead[1]!.headers['truncated-from']).toBe('1040000');
  });

  it('marks nothing when it fails in between, and a repeat carries the same alert id', async () => {
    const topics = names();
    await withAdmin(broker.kafka, (admin) => ensureTopics(admin, topics));
    const outbox = new MemoryOutbox();
    outbox.rows.push(alert(1, 'c'), alert(2, 'c'));
    const publisher = new KafkaPublisher({ brokers: broker.brokers, clientId: 'crash' });
    const send = publisher.send.bind(publisher);
    let isFirst = true;
    publisher.send = async (messages) => {
      await send(messages);
      if (isFirst) {
        isFirst = false;
        throw new Error('crashed after the acknowledgement');
      }
    };
    const relay = relayOf(outbox, topics, 'a', publisher);
    expect(await relay.turn()).toBe('waiting');
    expect(outbox.published.size).toBe(0);
    expect(await relay.health()).toMatchObject({
      state: 'backing-off',
      waiting: 2,
      lastError: 'crashed after the acknowledgement',
    });
    await eventually('the next try', async () => (await relay.turn()) === 'published');
    await relay.close();
    const ids = (await readAll([topics.alerts], 4)).map((m) => m.headers['alert-id']);
    expect(ids).toEqual(['alert-1', 'alert-2', 'alert-1', 'alert-2']);
    expect(outbox.published.size).toBe(2);
  });

  it('a repeat is what has no larger sequence than the largest of its partition, and nothing else is', async () => {
    const topics = names();
    await withAdmin(broker.kafka, (admin) => ensureTopics(admin, topics));
    const outbox = new MemoryOutbox();
    const publisher = new KafkaPublisher({ brokers: broker.brokers, clientId: 'repeats' });
    const send = publisher.send.bind(publisher);
    let turns = 0;
    // Every second acknowledgement is lost, and once the first part of the messages alone gets through.
    publisher.send = async (messages) => {
      turns += 1;
      await send(turns === 3 ? messages.slice(0, 9) : messages);
      if (turns % 2 === 1) throw new Error('the acknowledgement is lost');
    };
    const relay = relayOf(outbox, topics, 'a', publisher);
    for (let id = 1; id <= 120; id += 1) {
      outbox.rows.push(alert(7 * id, `customer-${id % 11}`));
      if (id % 40 === 0) await eventually('all are out', async () => (await relay.turn()) === 'published');
    }
    await relay.close();
    const received = await readAll([topics.alerts], 40 + 40 + 9 + 40 + 40 + 40);
    const largest = new Map<number, bigint>();
    const ids = new Set<string>();
    let repeats = 0;
    for (const { partition, headers } of received) {
      const sequence = BigInt(headers['sequence']!);
      const isRepeat = sequence <= (largest.get(partition) ?? 0n);
      expect(isRepeat).toBe(ids.has(headers['alert-id']!));
      if (isRepeat) repeats += 1;
      else largest.set(partition, sequence);
      ids.add(headers['alert-id']!);
    }
    expect([ids.size, repeats]).toEqual([120, received.length - 120]);
    expect(repeats).toBeGreaterThan(80);
  });

  it('lets one lead; another takes over when the lease ends, and the one that slept marks nothing', async () => {
    const topics = names();
    await withAdmin(broker.kafka, (admin) => ensureTopics(admin, topics));
    const outbox = new MemoryOutbox();
    const publisher = new KafkaPublisher({ brokers: broker.brokers, clientId: 'sleeper' });
    const send = publisher.send.bind(publisher);
    let wake = (): void => undefined;
    const asleep = new Promise<void>((resolve) => (wake = resolve));
    let isSending = false;
    publisher.send = async (messages) => {
      isSending = true;
      await asleep;
      await send(messages);
    };
    const sleeper = relayOf(outbox, topics, 'a', publisher);
    const next = relayOf(outbox, topics, 'b');
    expect(await sleeper.turn()).toBe('idle');
    outbox.rows.push(alert(1, 'c'));
    const sleeping = sleeper.turn();
    await eventually('a send', () => isSending);
    expect(await next.turn()).toBe('standby');
    expect((await next.health()).state).toBe('standby');
    outbox.nowMs += 20_000;
    expect(await next.turn()).toBe('published');
    expect(outbox.published).toEqual(new Set([1n]));
    outbox.published.clear();
    wake();
    expect(await sleeping).toBe('standby');
    expect(outbox.published.size).toBe(0);
    await Promise.all([sleeper.close(), next.close()]);
  });

  it('says what is wrong when the topic is not there', async () => {
    const topics = names();
    const outbox = new MemoryOutbox();
    outbox.rows.push(alert(1, 'c'));
    const relay = relayOf(outbox, topics, 'a');
    expect(await relay.turn()).toBe('waiting');
    expect((await relay.health()).lastError).toMatch(
      new RegExp(`cannot publish to ${topics.alerts} on Kafka at .*does not host this topic`),
    );
    expect(await relay.turn()).toBe('waiting');
    await relay.close();
  });
});

describe('replayToKafka', () => {
  async function* records(n: number) {
    for (let i = 0; i < n; i += 1) yield await Promise.resolve({ key: `c${i % 5}`, value: JSON.stringify({ i }) });
  }

  it('sends all records, each key in its order', async () => {
    const topic = await withTopic(broker.kafka, uniqueName('replay'), 3);
    const progress: number[] = [];
    const result = await replayToKafka({
      brokers: broker.brokers,
      topic,
      records: records(3_210),
      rate: 'max',
      onProgress: (sent) => progress.push(sent),
    });
    expect(result.sent).toBe(3_210);
    expect(progress.at(-1)).toBe(3_210);
    const received = await readAll([topic], 3_210);
    for (const key of ['c0', 'c1', 'c2', 'c3', 'c4']) {
      const order = received.filter((m) => m.key === key).map((m) => (JSON.parse(m.value.toString()) as { i: number }).i);
      expect(order.length).toBe(642);
      expect(order).toEqual([...order].sort((a, b) => a - b));
      expect(new Set(received.filter((m) => m.key === key).map((m) => m.partition)).size).toBe(1);
    }
  });

  it('keeps to its rate and stops when it is told to', async () => {
    const topic = await withTopic(broker.kafka, uniqueName('replay'), 1);
    const paced = await replayToKafka({ brokers: broker.brokers, topic, records: records(100), rate: 100 });
    expect(paced.sent).toBe(100);
    expect(paced.seconds).toBeGreaterThan(0.9);
    const stop = new AbortController();
    const endless = replayToKafka({ brokers: broker.brokers, topic, records: records(1e9), rate: 1_000, signal: stop.signal });
    setTimeout(() => stop.abort(), 500);
    const { sent } = await endless;
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThanOrEqual(1_000);
  });

  it('refuses a rate that is none, and names a topic that is not there', async () => {
    const options = { brokers: broker.brokers, topic: uniqueName('nowhere'), records: records(1) };
    await expect(replayToKafka({ ...options, rate: 0 })).rejects.toThrow(
      'rate is 0; expected "max" or records per second above 0',
    );
    await expect(replayToKafka({ ...options, rate: 'max' })).rejects.toThrow(/cannot replay to topic nowhere-/);
  });
});
