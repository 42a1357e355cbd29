/**
 * What PostgreSQL takes at the most: the bare loop's insert, from memory, without Kafka, JSON or positions. Says on its last
 * line how many rows a second and at what CPU. `throughput.ts` runs it as a process of its own.
 * Run: node dist/bench/raw-insert.js DATABASE_URL BATCH_SIZE CONNECTIONS ROWS POSTMASTER_PID
 */
import pg from 'pg';
import { bareColumns, INSERT_BARE_ROWS } from './bare-tables.js';
import { familyCpuUs } from './process-cpu.js';
import { benchWorld, nextRecords } from './throughput-world.js';

const [url, batchText, connectionsText, rowsText, postmaster] = process.argv.slice(2);
const [batchSize, connections, rows] = [Number(batchText), Number(connectionsText), Number(rowsText)];

const messages = [];
for await (const { value } of nextRecords(benchWorld(2_000), 0)) {
  if (messages.length === rows) break;
  messages.push({ value: Buffer.from(value), offset: String(messages.length) });
}
const batches: ReturnType<typeof bareColumns>[] = [];
for (let from = 0; from < rows; from += batchSize) batches.push(bareColumns(messages.slice(from, from + batchSize), 0));
messages.length = 0;

const pool = new pg.Pool({ connectionString: url, max: connections });
const before = { us: process.cpuUsage(), postgres: await familyCpuUs(Number(postmaster)) };
const startedMs = performance.now();
const insertAll = async (): Promise<void> => {
  for (let batch = batches.pop(); batch; batch = batches.pop()) await pool.query(INSERT_BARE_ROWS, batch);
};
await Promise.all(Array.from({ length: connections }, insertAll));
const seconds = (performance.now() - startedMs) / 1000;
const { user, system } = process.cpuUsage(before.us);
const after = await familyCpuUs(Number(postmaster));
await pool.end();
const postgresUsPerRow = after === null || before.postgres === null ? null : (after - before.postgres) / rows;
process.stdout.write(
  `${JSON.stringify({ rows, seconds, rowsPerSecond: rows / seconds, nodeUsPerRow: (user + system) / rows, postgresUsPerRow })}\n`,
);
