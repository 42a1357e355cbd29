import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, type INestMicroservice, Logger, Module, UseFilters } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern } from '@nestjs/microservices';
import { KafkaBatchServer } from '../../src/stream/kafka-batch-server.js';
import { PassErrorsOn } from '../../src/stream/pass-errors-on.js';
import type { TopicBatch } from '../../src/stream/topic-batch.js';
import { eventually, type TestBroker, testBroker, uniqueName, withTopic } from '../support/kafka.js';
import { MemoryOffsets } from '../support/memory-stream-ports.js';

type Handler = (batch: TopicBatch) => Promise<void>;

abstract class RecordedHandler {
  abstract handle: Handler;
}

@Controller()
@UseFilters(PassErrorsOn)
class AnyConsumer {
  constructor(private readonly recorded: RecordedHandler) {}

  @EventPattern<string>('transactions')
  async consume(batch: TopicBatch): Promise<void> {
    await this.recorded.handle(batch);
  }
}

let broker: TestBroker;
const open: INestMicroservice[] = [];

beforeAll(async () => {
  Logger.overrideLogger(false);
  broker = await testBroker();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
});

const start = async (topic: string, group: string, offsets: MemoryOffsets, handle: Handler, more = {}) => {
  const server = new KafkaBatchServer({ brokers: broker.brokers, group, topics: { transactions: topic }, ...more }, offsets);
  @Module({ controllers: [AnyConsumer], providers: [{ provide: RecordedHandler, useValue: { handle } }] })
  class App {}
  const app = await NestFactory.createMicroservice(App, { strategy: server, logger: false });
  open.push(app);
  await app.listen();
  return { app, server };
};

const produce = async (topic: string, messages: { partition?: number; key?: string; value: Buffer | string }[]) => {
  const producer = broker.kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  try {
    await producer.send({ topic, acks: -1, messages });
  } finally {
    await producer.disconnect();
  }
};

const numbered = (from: number, to: number, partition = 0) =>
  Array.from({ length: to - from }, (_, i) => ({ partition, key: `k${from + i}`, value: String(from + i) }));

/** A handler that commits through the fence and remembers what was committed. */
const committing = (offsets: MemoryOffsets) => {
  const seen: string[] = [];
  const handle: Handler = async (batch) => {
    const { group, topic, partition } = batch;
    if (!(await offsets.advance({ group, topic, partition }, batch.position, batch.nextOffset))) return batch.positionMoved();
    seen.push(...batch.records.map((record) => Buffer.from(record.bytes).toString()));
    batch.committed();
  };
  return { seen, handle };
};

describe('KafkaBatchServer on a real broker', () => {
  it('hands over raw bytes with key and offset, and lets the offset of lag tools follow', async () => {
    const topic = await withTopic(broker.kafka, uniqueName('t'), 1);
    const garbage = Buffer.alloc(1_000_000, 0xff);
    await produce(topic, [{ key: 'a', value: '{"x":1}' }]);
    await produce(topic, [{ key: 'b', value: garbage }]);
    const offsets = new MemoryOffsets();
    const { seen, handle } = committing(offsets);
    const batches: TopicBatch[] = [];
    const { server } = await start(topic, topic, offsets, (batch) => {
      batches.push(batch);
      return handle(batch);
    });
    await eventually('both messages', () => seen.length === 2);
    const records = batches.flatMap((batch) => batch.records);
    expect(records.map(({ key, offset, position }) => ({ key, offset, position }))).toEqual([
      { key: 'a', offset: 0n, position: `${topic}/0/0` },
      { key: 'b', offset: 1n, position: `${topic}/0/1` },
    ]);
    expect(Buffer.compare(records[1]!.bytes, garbage)).toBe(0);
    expect(offsets.get({ group: topic, topic, partition: 0 })).toBe(2n);
    const admin = broker.kafka.admin();
    await admin.connect();
    const committed = await eventually('committed offset', async () => {
      const [found] = await admin.fetchOffsets({ groupId: topic, topics: [topic] });
      return found?.partitions.find((p) => p.offset === '2');
    });
    await admin.disconnect();
    expect(committed.partition).toBe(0);
    expect(server.health()).toMatchObject({
      state: 'reading',
      lag: 0,
      lastError: null,
      partitions: [{ position: '2', state: 'reading' }],
    });
  });

  it('refuses a message of 10 MB at the producer and names the reason', async () => {
    const topic = await withTopic(broker.kafka, uniqueName('t'), 1);
    await expect(produce(topic, [{ value: Buffer.alloc(10_000_000, 7) }])).rejects.toThrow(/larger than the max message size/);
  });

  it('starts at the stored position, wherever the offset of Kafka stands', async () => {
    const topic = await withTopic(broker.kafka, uniqueName('t'), 1);
    await produce(topic, numbered(0, 10));
    const offsets = new MemoryOffsets();
    const before = committing(offsets);
    const { app } = await start(topic, topic, offsets, before.handle);
    await eventually('all ten', () => before.seen.length === 10);
    await app.close();
    // As after a restored backup: Kafka's offset is at the end of the log, where no batch comes any more.
    offsets.set({ group: topic, topic, partition: 0 }, 7n);
    const { seen, handle } = committing(offsets);
    await start(topic, topic, offsets, handle);
    await eventually('the last three', () => seen.length >= 3);
    expect(seen).toEqual(['7', '8', '9']);
  });

  it('calls a failing handler again with the same records, while another partition goes on', async () => {
    const topic = await withTopic(broker.kafka, uniqueName('t'), 2);
    await produce(topic, [...numbered(0, 5, 0), ...numbered(100, 105, 1)]);
    const offsets = new MemoryOffsets();
    const { seen, handle } = committing(offsets);
    const attempts: string[][] = [];
    // The first attempts may be over before this test asks for the first time: they wait until it does.
    let watch = (): void => undefined;
    const watched = new Promise<void>((resolve) => (watch = resolve));
    const { server } = await start(topic, topic, offsets, async (batch) => {
      await watched;
      if (batch.partition === 0) attempts.push(batch.records.map((record) => String(record.offset)));
      // It fails until the other partition is through.
      if (batch.partition === 0 && (attempts.length < 3 || !seen.includes('104'))) throw new TypeError('planted');
      return handle(batch);
    });
    watch();
    await eventually('the error in health', () => server.health().lastError === 'TypeError: planted');
    await eventually('all ten', () => seen.length === 10);
    expect(attempts.length).toBeGreaterThanOrEqual(3);
    for (const attempt of attempts) expect(attempt).toEqual(['0', '1', '2', '3', '4']);
    expect([...seen].sort((a, b) => Number(a) - Number(b))).toEqual(['0', '1', '2', '3', '4', '100', '101', '102', '103', '104']);
    await eventually('recovery in health', () => server.health().lastError === null);
  });

  it('stops a partition whose stored position is outside its log, by name, and reads the others', async () => {
    const topic = await withTopic(broker.kafka, uniqueName('t'), 2);
    await produce(topic, [...numbered(0, 5, 0), ...numbered(100, 105, 1)]);
    const offsets = new MemoryOffsets();
    offsets.set({ group: topic, topic, partition: 0 }, 4_000n);
    const { seen, handle } = committing(offsets);
    const { server } = await start(topic, topic, offsets, handle);
    await eventually('the other partition', () => seen.length === 5);
    const stopped = await eventually('the stop', () => server.health().partitions.find((p) => p.state === 'stopped'));
    expect(stopped).toMatchObject({ partition: 0, state: 'stopped' });
    expect(stopped.error).toMatch(
      /^PositionOutsideLogError: the stored position 4000 of .*\/0 is outside its log, which holds 0 to 5/,
    );
    expect(offsets.get({ group: topic, topic, partition: 0 })).toBe(4_000n);
    expect(seen).toEqual(['100', '101', '102', '103', '104']);
  });

  it('seeks when the fence does not hold, and reads over the ends of transactions', async () => {
    const topic = await withTopic(broker.kafka, uniqueName('t'), 1);
    const producer = broker.kafka.producer({ idempotent: true, maxInFlightRequests: 1, transactionalId: topic });
    await producer.connect();
    for (const [value, isKept] of [
      ['lost', false],
      ['0', true],
      ['1', true],
      ['lost', false],
      ['4', true],
    ] as const) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ value }] });
      await (isKept ? transaction.commit() : transaction.abort());
    }
    await producer.disconnect();
    const offsets = new MemoryOffsets();
    const { seen, handle } = committing(offsets);
    let isFirst = true;
    await start(topic, topic, offsets, async (batch) => {
      // Another consumer committed the first message in the meantime.
      if (isFirst) offsets.set({ group: topic, topic, partition: 0 }, 4n);
      isFirst = false;
      return handle(batch);
    });
    await eventually('what is left', () => seen.includes('4'));
    expect(seen).toEqual(['1', '4']);
    await produce(topic, [{ value: '5' }]);
    await eventually('a message after the transactions', () => seen.includes('5'));
    expect(offsets.get({ group: topic, topic, partition: 0 })).toBe(11n);
  });

  it('shares partitions between two consumers and commits every record once through rebalances', async () => {
    const topic = await withTopic(broker.kafka, uniqueName('t'), 4);
    const offsets = new MemoryOffsets();
    const { seen, handle } = committing(offsets);
    let assignments = 0;
    const more = { sessionTimeoutMs: 6_000, onAssignment: () => (assignments += 1) };
    const all = (from: number) => [0, 1, 2, 3].flatMap((p) => numbered(from + 100 * p, from + 100 * p + 25, p));
    const first = await start(topic, topic, offsets, handle, more);
    await produce(topic, all(0));
    await eventually('all of one consumer', () => seen.length === 100);
    const second = await start(topic, topic, offsets, handle, more);
    await eventually('two partitions each', () => [first, second].every(({ server }) => server.health().partitions.length === 2));
    await produce(topic, all(25));
    await eventually('all of two consumers', () => seen.length === 200);
    await first.app.close();
    await eventually('four partitions for the other', () => second.server.health().partitions.length === 4);
    await produce(topic, all(50));
    await eventually('all of the second consumer', () => seen.length >= 300);
    expect(new Set(seen).size).toBe(300);
    expect(seen.length).toBe(300);
    expect(assignments).toBeGreaterThanOrEqual(4);
    expect(first.server.health().state).toBe('closed');
  });

  it('pauses, resumes and lets the batch in work end when it closes', async () => {
    const topic = await withTopic(broker.kafka, uniqueName('t'), 1);
    const offsets = new MemoryOffsets();
    const { seen, handle } = committing(offsets);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let isHeld = false;
    const { app, server } = await start(topic, topic, offsets, async (batch) => {
      if (seen.length === 2) {
        isHeld = true;
        await held;
      }
      return handle(batch);
    });
    await eventually('an assignment', () => server.health().partitions.length === 1);
    server.pause();
    expect(server.health().state).toBe('paused');
    await produce(topic, numbered(0, 2));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(seen).toEqual([]);
    server.resume();
    await eventually('both', () => seen.length === 2);
    await produce(topic, numbered(2, 4));
    await eventually('a batch in work', () => isHeld);
    const closing = app.close();
    await new Promise((resolve) => setTimeout(resolve, 200));
    release();
    await closing;
    expect(seen).toEqual(['0', '1', '2', '3']);
  });

  it('reads a backlog in step: no partition runs more than the limit and a batch ahead', async () => {
    const topic = await withTopic(broker.kafka, uniqueName('t'), 3);
    // Event time in minutes, one record a minute; partition 2 ends early and holds nobody after that.
    await produce(topic, [...numbered(0, 600, 0), ...numbered(0, 600, 1), ...numbered(0, 100, 2)]);
    const offsets = new MemoryOffsets();
    const clocks = [-1, -1, -1];
    let ahead = 0;
    await start(
      topic,
      topic,
      offsets,
      async (batch) => {
        const { group, partition, nextOffset } = batch;
        if (partition === 0) await new Promise((resolve) => setTimeout(resolve, 20)); // The slow one.
        await offsets.advance({ group, topic, partition }, batch.position, nextOffset);
        const minute = Number(Buffer.from(batch.records.at(-1)!.bytes).toString());
        clocks[partition] = minute;
        const others = clocks.filter((clock, p) => p !== partition && clock < (p === 2 ? 99 : 599));
        ahead = Math.max(ahead, ...others.map((clock) => minute - clock));
        batch.committed(minute * 60_000);
      },
      { batchSizeMax: 20 },
    );
    await eventually('all of them', () => clocks.join() === '599,599,99', 30_000);
    expect(ahead).toBeLessThanOrEqual(60 + 20);
    expect(ahead).toBeGreaterThan(0);
  });

  it('says which brokers cannot be reached', async () => {
    const server = new KafkaBatchServer(
      { brokers: ['127.0.0.1:1'], group: 'g', topics: { transactions: 't' } },
      new MemoryOffsets(),
    );
    const error = await new Promise<unknown>((resolve) => void server.listen(resolve));
    expect(String(error)).toMatch(/Kafka at 127\.0\.0\.1:1 cannot be read: .*ECONNREFUSED/);
  });
});
