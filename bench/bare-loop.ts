/**
 * What any consumer of this topic has to do at the least: kafkajs eachBatch, JSON.parse, one `unnest` insert of 15 columns
 * and the fenced position in one database transaction. `throughput.ts` runs it as a process of its own.
 * Run: node dist/bench/bare-loop.js BROKERS TOPIC DATABASE_URL BATCH_SIZE PARTITIONS_AT_ONCE, until SIGTERM.
 */
import type { EachBatchPayload } from 'kafkajs';
import pg from 'pg';
import { createKafka } from '../src/stream/kafka-client.js';
import { bareColumns, INSERT_BARE_ROWS } from './bare-tables.js';

const OPEN = 'INSERT INTO bare_positions VALUES ($1, $2, 0) ON CONFLICT DO NOTHING';
const MOVE = `INSERT INTO bare_positions AS stored VALUES ($1, $2, $3)
ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset WHERE stored.next_offset = $4`;

const run = async (brokers: string, topic: string, url: string, batchSize: number, concurrency: number): Promise<void> => {
  const pool = new pg.Pool({ connectionString: url, max: concurrency + 1 });
  const consumer = createKafka({ brokers: brokers.split(','), clientId: 'bare' }).consumer({
    groupId: `bare-${process.pid}-${topic}`,
    maxWaitTimeInMs: 500,
  });
  const handle = async (payload: EachBatchPayload): Promise<void> => {
    const { batch } = payload;
    for (let from = 0; from < batch.messages.length; from += batchSize) {
      const messages = batch.messages.slice(from, from + batchSize);
      const next = BigInt(messages.at(-1)!.offset) + 1n;
      const client = await pool.connect();
      await client.query('BEGIN');
      const moved = await client.query(MOVE, [batch.topic, batch.partition, next, messages[0]!.offset]);
      if (moved.rowCount !== 1) throw new Error(`partition ${batch.partition} was moved by another consumer`);
      await client.query(INSERT_BARE_ROWS, bareColumns(messages, batch.partition));
      await client.query('COMMIT');
      client.release();
      payload.resolveOffset(String(next - 1n));
    }
  };
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    for (const partition of payload.memberAssignment[topic] ?? []) void pool.query(OPEN, [topic, partition]);
  });
  process.once('SIGTERM', () => void consumer.disconnect().then(() => pool.end()));
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: concurrency,
    eachBatch: handle,
  });
};

const [brokers, topic, url, batchSize, concurrency] = process.argv.slice(2);
await run(brokers!, topic!, url!, Number(batchSize), Number(concurrency));
