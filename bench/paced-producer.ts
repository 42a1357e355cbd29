import kafkajs from 'kafkajs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createKafka } from '../src/stream/kafka-client.js';
import type { ReplayRecord } from '../src/stream/replay.js';

/** What is due since the last look is sent at once: at 1,000 rows/s five messages. */
const TICK_MS = 5;
const SENDS_MAX = 64;

export interface PacedOptions {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly records: AsyncIterator<ReplayRecord>;
  /** Messages a second. */
  readonly rate: number;
  readonly seconds: number;
  /** Called with each message just before it is handed to the producer, at that time (`Date.now()`). */
  readonly onSend: (record: ReplayRecord, atMs: number) => void;
}

/**
 * Sends at a steady rate whether or not anybody keeps up: the schedule never waits for an answer, only for the 64th open
 * send. Answers the number sent, and the rate that came of it.
 */
export const producePaced = async (options: PacedOptions): Promise<{ readonly sent: number; readonly rate: number }> => {
  const { brokers, topic, records, rate, seconds, onSend } = options;
  const producer = createKafka({ brokers, clientId: 'bench-paced' }).producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  const open = new Set<Promise<unknown>>();
  const startedMs = performance.now();
  const elapsed = (): number => (performance.now() - startedMs) / 1000;
  let sent = 0;
  try {
    for (; elapsed() < seconds; await sleep(TICK_MS)) {
      const messages: ReplayRecord[] = [];
      const atMs = Date.now();
      for (let due = Math.floor(elapsed() * rate) - sent; due > 0; due -= 1) {
        const next = await records.next();
        if (next.done !== true) messages.push(next.value);
      }
      if (messages.length === 0) continue;
      for (const message of messages) onSend(message, atMs);
      sent += messages.length;
      const sending = producer.send({
        topic,
        acks: -1,
        messages: messages.map(({ key, value }) => ({ key, value: value as string })),
      });
      open.add(sending);
      void sending.then(() => open.delete(sending));
      if (open.size >= SENDS_MAX) await Promise.race(open);
    }
    const reachedRate = sent / elapsed();
    await Promise.all(open);
    return { sent, rate: reachedRate };
  } finally {
    await producer.disconnect();
  }
};
