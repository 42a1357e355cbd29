import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { familyCpuUs, processCpuUs } from './process-cpu.js';
import { Program, type ProgramOf } from './program.js';

/** One consumption of a topic by one or more programs: what follows the warm-up, unless it says otherwise. */
export interface Consumption {
  readonly rows: number;
  readonly seconds: number;
  readonly rowsPerSecond: number;
  /** All programs together; null where there is no /proc. */
  readonly nodeUsPerRow: number | null;
  readonly postgresUsPerRow: number | null;
  /** Of the write-ahead log: what a disk has to take, and a replica to be sent. */
  readonly walBytesPerRow: number;
  /** From the start of the programs to their first assignment, and from there to the end of the warm-up. */
  readonly startSeconds: number;
  readonly warmUpSeconds: number;
  readonly warmUpRows: number;
  /** Load average of the last minute at the end: other work on the same cores counts. */
  readonly load: number;
}

export interface ConsumptionOf {
  readonly programs: readonly ProgramOf[];
  readonly database: pg.Client;
  readonly postmaster: number;
  /** Answers the sum of the stored positions of topic $1; null while no program has a partition. */
  readonly position: string;
  readonly topic: string;
  readonly rows: number;
  /** Rows by which programs are warm: time and CPU count from there. */
  readonly warmUpRows: number;
  /** What else has to be before anything counts, say that every program has its share. */
  readonly isReady?: () => Promise<boolean>;
}

export const LINE_POSITION = 'SELECT sum(next_offset) AS position FROM consumer_offsets WHERE topic = $1';
const POLL_MS = 25;
const LIMIT_MS = 1_800_000;

/**
 * Runs consumers until their stored positions reach the end of the topic, then stops them.
 *
 * @throws Error with a program's output when it ends early, or when it all takes more than half an hour
 */
export const consume = async (given: ConsumptionOf): Promise<Consumption> => {
  const startedMs = performance.now();
  const programs = given.programs.map((program) => new Program(program));
  try {
    return await measureConsumption(given, programs, startedMs);
  } finally {
    await Promise.all(programs.map((program) => program.stop()));
  }
};

/** The same of programs that run already and go on afterwards. */
export const measureConsumption = async (
  given: Omit<ConsumptionOf, 'programs'>,
  programs: readonly Program[],
  startedMs: number,
): Promise<Consumption> => {
  const { postmaster, rows, isReady } = given;
  const cpu = async () => ({ node: await sumCpuUs(programs), postgres: await familyCpuUs(postmaster) });
  const wal = () => walBytes(given.database);
  await reached(given, programs, 0);
  const assignedMs = performance.now();
  await reached(given, programs, given.warmUpRows);
  while (isReady && !(await isReady())) await sleep(POLL_MS);
  const before = { ...(await cpu()), wal: await wal() };
  const from = await reached(given, programs, given.warmUpRows);
  const fromMs = performance.now();
  if (from >= rows * 0.75)
    throw new Error(`${from} of ${rows} rows went by before all were warm: too few are left to measure, give more rows`);
  await reached(given, programs, rows);
  const seconds = (performance.now() - fromMs) / 1000;
  const after = { ...(await cpu()), wal: await wal() };
  const counted = rows - from;
  const perRow = (low: number | null, high: number | null): number | null =>
    low === null || high === null ? null : (high - low) / counted;
  return {
    rows: counted,
    seconds,
    rowsPerSecond: counted / seconds,
    nodeUsPerRow: perRow(before.node, after.node),
    postgresUsPerRow: perRow(before.postgres, after.postgres),
    walBytesPerRow: (after.wal - before.wal) / counted,
    startSeconds: (assignedMs - startedMs) / 1000,
    warmUpSeconds: (fromMs - assignedMs) / 1000,
    warmUpRows: from,
    load: loadavg()[0]!,
  };
};

/** Waits until so many rows are committed. Answers how many there are then. */
export const reached = async (
  { database, position, topic }: Pick<ConsumptionOf, 'database' | 'position' | 'topic'>,
  programs: readonly Program[],
  rows: number,
): Promise<number> => {
  for (const deadline = performance.now() + LIMIT_MS; performance.now() < deadline; await sleep(POLL_MS)) {
    const { rows: answer } = await database.query<{ position: string | null }>(position, [topic]);
    const at = answer[0]?.position ?? null;
    if (at !== null && Number(at) >= rows) return Number(at);
    for (const program of programs) program.requireRunning();
  }
  throw new Error(`${rows} rows were not reached in ${LIMIT_MS / 60_000} minutes:\n${programs.map((p) => p.output).join('\n')}`);
};

const walBytes = async (database: pg.Client): Promise<number> => {
  const { rows } = await database.query<{ bytes: string }>(`SELECT pg_current_wal_insert_lsn() - '0/0' AS bytes`);
  return Number(rows[0]!.bytes);
};

const sumCpuUs = async (programs: readonly Program[]): Promise<number | null> => {
  const each = await Promise.all(programs.map(({ pid }) => processCpuUs(pid)));
  return each.reduce((sum, us) => (sum === null || us === null ? null : sum + us), 0);
};
