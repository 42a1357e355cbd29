import { randomUUID } from 'node:crypto';
import { createKafka, withAdmin } from '../../src/stream/kafka-client.js';
import { createTopics, type TopicNames } from '../../src/stream/topics.js';

export interface Message {
  readonly key: string | null;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

const connect = (brokers: readonly string[]) => createKafka({ brokers, clientId: 'fault-suite' });

/** Topics of one run; `transactions` and `alerts` with six partitions. */
export const makeTopics = async (brokers: readonly string[], run: string): Promise<TopicNames> => {
  const topics = { transactions: `in.${run}`, labels: `labels.${run}`, alerts: `alerts.${run}`, dead: `dead.${run}` };
  const partitions = { transactions: 6, labels: 3, alerts: 6, dead: 1 };
  const uses = Object.keys(topics) as (keyof TopicNames)[];
  await withAdmin(connect(brokers), (admin) =>
    createTopics(
      admin,
      uses.map((use) => ({ topic: topics[use], numPartitions: partitions[use], replicationFactor: 1 })),
    ),
  );
  return topics;
};

/** End of each partition's log. */
export const endsOf = async (brokers: readonly string[], topic: string): Promise<ReadonlyMap<number, bigint>> =>
  withAdmin(connect(brokers), async (admin) => {
    const offsets = await admin.fetchTopicOffsets(topic);
    return new Map(offsets.map(({ partition, high }) => [partition, BigInt(high)]));
  });

/** Everything on a topic, each partition in its order. */
export const readTopic = async (brokers: readonly string[], topic: string): Promise<readonly Message[]> => {
  const ends = await endsOf(brokers, topic);
  const waiting = new Set([...ends].filter(([, end]) => end > 0n).map(([partition]) => partition));
  if (waiting.size === 0) return [];
  const consumer = connect(brokers).consumer({ groupId: randomUUID(), maxWaitTimeInMs: 200 });
  const messages = new Map<number, Message[]>();
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    void consumer.run({
      eachBatch: ({ batch }) => {
        const list = messages.get(batch.partition) ?? [];
        messages.set(batch.partition, list);
        for (const { key, value, headers } of batch.messages)
          list.push({
            key: key?.toString() ?? null,
            value: value ?? Buffer.alloc(0),
            headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)])),
          });
        if (BigInt(batch.lastOffset()) + 1n >= ends.get(batch.partition)!) waiting.delete(batch.partition);
        if (waiting.size === 0) resolve();
        return Promise.resolve();
      },
    });
  });
  await consumer.disconnect();
  return [...messages.entries()].sort(([a], [b]) => a - b).flatMap(([, list]) => list);
};
