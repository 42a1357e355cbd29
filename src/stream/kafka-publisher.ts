import kafkajs, { type Producer } from 'kafkajs';
import { createKafka, type KafkaConnection, reasonOf } from './kafka-client.js';
import type { OutgoingMessage } from './outbox-messages.js';

/** Puts messages on their topics. Resolves when every in-sync replica of each has them. */
export abstract class Publisher {
  /** @throws Error; any part of the messages may be on their topics then */
  abstract send(messages: readonly OutgoingMessage[]): Promise<void>;
  abstract close(): Promise<void>;
}

/**
 * An idempotent producer with acks = all: kafkajs' own retries neither double nor reorder.
 *
 * After a failed send the producer is thrown away. Its sequence numbers may be behind the broker's, which would then take
 * the next messages for repeats of the lost ones and drop them in silence. A new one may repeat messages, never lose any.
 */
export class KafkaPublisher extends Publisher {
  #producer: Producer | null = null;

  constructor(private readonly connection: KafkaConnection) {
    super();
  }

  override async send(messages: readonly OutgoingMessage[]): Promise<void> {
    try {
      this.#producer ??= await this.#connect();
      await this.#producer.sendBatch({ acks: -1, timeout: 10_000, topicMessages: byTopic(messages) });
    } catch (error) {
      await this.close();
      const topics = [...new Set(messages.map((message) => message.topic))].join(', ');
      throw new Error(`cannot publish to ${topics} on Kafka at ${this.connection.brokers.join(', ')}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }

  override async close(): Promise<void> {
    const producer = this.#producer;
    this.#producer = null;
    await producer?.disconnect().catch(() => undefined);
  }

  async #connect(): Promise<Producer> {
    const producer = createKafka(this.connection).producer({
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: false,
      // kafkajs would retry for ever; the relay has to keep its lease and say what is wrong.
      retry: { initialRetryTime: 200, retries: 3 },
    });
    await producer.connect();
    return producer;
  }
}

const byTopic = (messages: readonly OutgoingMessage[]) => {
  const topics = new Map<string, { key: string | null; value: Buffer; headers: Record<string, string> }[]>();
  for (const { topic, key, value, headers } of messages) {
    const list = topics.get(topic) ?? [];
    list.push({ key, value, headers: { ...headers } });
    topics.set(topic, list);
  }
  return [...topics].map(([topic, list]) => ({ topic, messages: list }));
};
