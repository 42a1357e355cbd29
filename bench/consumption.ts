import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { familyCpuUs, processCpuUs } from './process-cpu.js';

/** One consumption of the whole topic by one program. */
export interface Consumption {
  readonly seconds: number;
  readonly rowsPerSecond: number;
  /** Null where there is no /proc. */
  readonly nodeUsPerRow: number | null;
  readonly postgresUsPerRow: number | null;
  /** Load average of the last minute at the end: other work on the same cores counts. */
  readonly load: number;
}

export interface ConsumptionOf {
  readonly program: { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> };
  readonly database: pg.Client;
  readonly postmaster: number;
  /** Answers the sum of the stored positions; null while the program has no partition yet. */
  readonly position: string;
  readonly topic: string;
  readonly rows: number;
}

const POLL_MS = 25;
const LIMIT_MS = 900_000;

/**
 * Runs a consumer from its assignment until its stored positions reach the end of the topic, then stops it.
 *
 * @throws Error with the program's output when it ends early or takes more than 15 minutes
 */
export const consume = async (given: ConsumptionOf): Promise<Consumption> => {
  const { program, postmaster, rows } = given;
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, program.args, {
    env: { ...(PATH && { PATH }), ...(HOME && { HOME }), ...program.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const cpu = async () => ({ node: await processCpuUs(child.pid!), postgres: await familyCpuUs(postmaster) });
  try {
    await reached(given, child, 0, () => output);
    const startedMs = performance.now();
    const before = await cpu();
    await reached(given, child, rows, () => output);
    const seconds = (performance.now() - startedMs) / 1000;
    const after = await cpu();
    const perRow = (from: number | null, to: number | null): number | null =>
      from === null || to === null ? null : (to - from) / rows;
    return {
      seconds,
      rowsPerSecond: rows / seconds,
      nodeUsPerRow: perRow(before.node, after.node),
      postgresUsPerRow: perRow(before.postgres, after.postgres),
      load: loadavg()[0]!,
    };
  } finally {
    await stop(child);
  }
};

const reached = async (
  { database, position, topic }: ConsumptionOf,
  child: ChildProcess,
  rows: number,
  output: () => string,
): Promise<void> => {
  for (const deadline = performance.now() + LIMIT_MS; performance.now() < deadline; await sleep(POLL_MS)) {
    const { rows: answer } = await database.query<{ position: string | null }>(position, [topic]);
    const at = answer[0]?.position ?? null;
    if (at !== null && Number(at) >= rows) return;
    if (child.exitCode !== null) throw new Error(`the consumer ended with ${child.exitCode}:\n${output()}`);
  }
  throw new Error(`the consumer did not reach ${rows} rows in ${LIMIT_MS / 60_000} minutes:\n${output()}`);
};

const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
};
