import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReplayRecord } from '../src/stream/replay.js';
import { Program, type ProgramOf } from './program.js';
import { type Spread, spreadOf } from './statistics.js';

const KEY = 'a-key-for-the-bench';
const READY_LIMIT_MS = 120_000;

export interface HttpLoad {
  readonly name: string;
  /** Transactions of one request; 1: a bare object. */
  readonly size: number;
  /** Requests a second. */
  readonly rate: number;
}

export type HttpLatency = HttpLoad & Spread;

/**
 * `POST /v1/transactions` at a steady rate: from the moment a request was due (so a slow answer counts for those behind
 * it, too) to the end of its answer.
 *
 * @throws Error when an answer is not 200
 */
export const measureHttp = async (
  program: ProgramOf,
  records: AsyncGenerator<ReplayRecord>,
  loads: readonly HttpLoad[],
  seconds: number,
): Promise<readonly HttpLatency[]> => {
  const port = await freePort();
  const service = new Program({ ...program, env: { ...program.env, PORT: String(port), SURPRISAL_API_KEY: KEY } });
  const url = `http://127.0.0.1:${port}`;
  try {
    await ready(url, service);
    await requests(url, records, { name: 'warm-up', size: 1, rate: 20 }, Math.min(seconds, 5));
    const measured: HttpLatency[] = [];
    for (const load of loads) measured.push({ ...load, ...spreadOf(await requests(url, records, load, seconds)) });
    return measured;
  } finally {
    await service.stop();
  }
};

const requests = async (
  url: string,
  records: AsyncGenerator<ReplayRecord>,
  { size, rate }: HttpLoad,
  seconds: number,
): Promise<readonly number[]> => {
  const startedMs = performance.now();
  const open: Promise<number>[] = [];
  for (let i = 0; i < seconds * rate; i += 1) {
    const batch: string[] = [];
    while (batch.length < size) {
      const next = await records.next();
      if (next.done !== true) batch.push(next.value.value as string);
    }
    const dueMs = startedMs + (1000 * i) / rate;
    await sleep(Math.max(0, dueMs - performance.now()));
    const answer = post(url, size === 1 ? batch[0]! : `[${batch.join(',')}]`).then(() => performance.now() - dueMs);
    answer.catch(() => undefined);
    open.push(answer);
  }
  return Promise.all(open);
};

const post = async (url: string, body: string): Promise<void> => {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${KEY}` };
  const response = await fetch(`${url}/v1/transactions`, { method: 'POST', headers, body });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`POST /v1/transactions answered ${response.status}: ${text.slice(0, 300)}`);
};

const ready = async (url: string, service: Program): Promise<void> => {
  for (const deadline = performance.now() + READY_LIMIT_MS; performance.now() < deadline; await sleep(100)) {
    service.requireRunning();
    const response = await fetch(`${url}/health/ready`).catch(() => null);
    if (response?.ok) return;
  }
  throw new Error(`the service was not ready in ${READY_LIMIT_MS / 1000} s:\n${service.output}`);
};

const freePort = (): Promise<number> =>
  new Promise((done, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
