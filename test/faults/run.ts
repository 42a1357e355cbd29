import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { createRandom } from '../../src/domain/random.js';
import { replayToKafka } from '../../src/stream/replay.js';
import type { TopicNames } from '../../src/stream/topics.js';
import { Crew, type Program } from './crew.js';
import type { PlannedFault, Target } from './faults.js';
import { Progress } from './progress.js';
import type { Records } from './records.js';
import { type Stage, SURPRISAL } from './stage.js';
import { endsOf, makeTopics } from './topic-log.js';

/** What is left of one run, to be judged. */
export interface RunResult {
  readonly name: string;
  readonly databaseUrl: string;
  readonly topics: TopicNames;
  readonly seconds: number;
  /** Name of each fault and how often it struck. */
  readonly faults: ReadonlyMap<string, number>;
  readonly kills: number;
  readonly workersSelfEnded: number;
}

export interface RunOptions {
  /** Letters and digits: names database, topics and group. */
  readonly name: string;
  readonly workers: number;
  readonly batchSizeMax: number;
  readonly sessionTimeoutMs?: number;
  /** Partitions in work at once. Default 2. */
  readonly concurrency?: number;
  readonly faults?: readonly PlannedFault[];
  readonly seed?: number;
  readonly onFault?: (name: string, committed: number, seconds: number) => void;
  /** Every second worker's clock jumps. */
  readonly clocksJump?: boolean;
  /** Arguments of the n-th worker that is started; null: those of the service. */
  readonly programOf?: (n: number) => readonly string[] | null;
  /** No record for so long means that the run hangs. Default two minutes. */
  readonly stallLimitMs?: number;
  /** What else happens to the workers, beside their work and when all is done. */
  readonly beside?: (crew: Crew) => Promise<void>;
  readonly atEnd?: (crew: Crew) => Promise<void>;
}

const SERVE = [SURPRISAL, 'serve', '--role', 'worker', '--schema', 'demo'];
const JUMPING_CLOCK = pathToFileURL(join(import.meta.dirname, 'jumping-clock.js')).href;

/** What the programs of one run are started with. */
const runEnvironment = (
  stage: Stage,
  { name, batchSizeMax, sessionTimeoutMs = 3_000, concurrency = 2 }: RunOptions,
  databaseUrl: string,
  topics: TopicNames,
): Record<string, string> => ({
  ...stage.environment,
  DATABASE_URL: databaseUrl,
  KAFKA_BROKERS: stage.broker.brokers.join(','),
  // No run is asked for meanwhile: models are pinned.
  SURPRISAL__TRAINING__SCHEDULE__ENABLED: 'false',
  SURPRISAL__SERVICE__SCORING__BATCH_SIZE_MAX: String(batchSizeMax),
  SURPRISAL__SERVICE__KAFKA__CONCURRENCY: String(concurrency),
  SURPRISAL__SERVICE__KAFKA__GROUP_ID: `group.${name}`,
  SURPRISAL__SERVICE__KAFKA__SESSION_TIMEOUT_MS: String(sessionTimeoutMs),
  ...Object.fromEntries(
    Object.entries(topics).map(([use, topic]) => [`SURPRISAL__SERVICE__KAFKA__TOPICS__${use.toUpperCase()}`, topic as string]),
  ),
});

/** Sends all records to topics of their own, has them read into a database of its own, strikes, and waits until all is done. */
export const runRecords = async (stage: Stage, records: Records, options: RunOptions): Promise<RunResult> => {
  const { name } = options;
  const databaseUrl = await stage.createDatabase(`run_${name}`);
  const topics = await makeTopics(stage.broker.brokers, name);
  const environment = runEnvironment(stage, options, databaseUrl, topics);
  await mkdir(join(stage.folder, 'logs'), { recursive: true });
  const programOf = (n: number): Program => ({
    args: options.programOf?.(n) ?? [...(options.clocksJump && n % 2 === 0 ? ['--import', JUMPING_CLOCK] : []), ...SERVE],
    env: environment,
    log: join(stage.folder, 'logs', `${name}.log`),
  });
  const startedMs = performance.now();
  const crew = new Crew(programOf);
  crew.add(options.workers);
  const progress = new Progress(databaseUrl, topics, options.stallLimitMs);
  try {
    const turns = new Turns();
    const [, faults] = await Promise.all([
      produce(stage, records, topics, progress, turns),
      strike({ stage, crew, databaseUrl, turns, progress }, options),
      options.beside?.(crew),
    ]);
    const { records: count, labels } = records.expected;
    await progress.reaches(count, labels);
    await options.atEnd?.(crew);
    await progress.reaches(count, labels);
    await progress.empties();
    const seconds = (performance.now() - startedMs) / 1000;
    await crew.stop();
    const kills = options.faults?.filter(({ fault }) => fault.isKill).length ?? 0;
    return { name, databaseUrl, topics, seconds, faults, kills, workersSelfEnded: crew.selfEnded };
  } finally {
    crew.abandon();
  }
};

/**
 * Day by day. A day is sent when everything of the day before the last is committed: so no partition is two event days
 * ahead of another, and none sees cells of the label delay's age (three days) that another has yet to write. The service
 * holds partitions back by itself; the suite must not depend on it.
 */
const produce = async (stage: Stage, records: Records, topics: TopicNames, progress: Progress, turns: Turns): Promise<void> => {
  const { brokers } = stage.broker;
  const ends: ReadonlyMap<number, bigint>[] = [];
  for (const { transactions, labels } of records.portions) {
    const before = ends.at(-2);
    if (before) await progress.passes(before);
    await turns.take(async () => {
      await replayToKafka({ brokers, topic: topics.transactions, records: iterate(transactions), rate: 'max' });
      if (labels.length > 0) await replayToKafka({ brokers, topic: topics.labels, records: iterate(labels), rate: 'max' });
      ends.push(await endsOf(brokers, topics.transactions));
    });
  }
};

// eslint-disable-next-line @typescript-eslint/require-await -- replayToKafka reads any source, most of which wait
async function* iterate<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

interface Scene extends Pick<Target, 'stage' | 'crew' | 'databaseUrl'> {
  readonly turns: Turns;
  readonly progress: Progress;
}

const strike = async (scene: Scene, options: RunOptions): Promise<ReadonlyMap<string, number>> => {
  const { turns, progress, ...reach } = scene;
  const background: Promise<void>[] = [];
  const target: Target = {
    ...reach,
    sessionTimeoutMs: options.sessionTimeoutMs ?? 3_000,
    random: createRandom(options.seed ?? 0).fork('strike'),
    withoutProducer: (work) => turns.take(work),
    inBackground: (work) => void background.push(work),
  };
  const struck = new Map<string, number>();
  const startedMs = performance.now();
  for (const { fault, at } of options.faults ?? []) {
    const committed = await progress.reaches(at, 0);
    options.onFault?.(fault.name, committed, (performance.now() - startedMs) / 1000);
    await sleep(target.random.integer(200));
    await fault.inject(target);
    struck.set(fault.name, (struck.get(fault.name) ?? 0) + 1);
  }
  await Promise.all(background);
  return struck;
};

/** One at a time. */
class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
