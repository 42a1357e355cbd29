import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { packageRoot } from '../src/config.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/store/embedded-postgres.js';
import { createKafka, withAdmin } from '../src/stream/kafka-client.js';
import { type ReplayRecord, replayToKafka } from '../src/stream/replay.js';
import { createTopics } from '../src/stream/topics.js';
import type { World } from '../src/synthetic/world.js';
import { Program, type ProgramOf } from './program.js';
import { benchWorld, nextRecords, writeHistory } from './throughput-world.js';

export const run = promisify(execFile);
export const COMMAND = join(packageRoot, 'bin', 'surprisal.js');
/** What the model is fitted on; records are of the days that follow. */
export const HISTORY_DAYS = 16;

export interface StageOptions {
  /** Prefix of its topics. */
  readonly name: string;
  /** Of the demo world. */
  readonly customers: number;
  /** Settings of PostgreSQL beside its defaults. */
  readonly postgres?: Readonly<Record<string, string>>;
}

interface ServeOf {
  readonly url: string;
  /** Absent: without Kafka. */
  readonly topic?: string;
  /** Of consumers; the topic's name unless given. */
  readonly group?: string;
  readonly nodeOptions?: readonly string[];
  /** Records come at a steady rate: nothing to be held back, as in traffic whose event time is the clock's. */
  readonly isPaced?: boolean;
}

/**
 * Events of the world come thousands of times faster than they would in the world, so an hour of event time between
 * partitions, over which the service lets the slower one catch up, is a fraction of a second here. Six hours are as far as
 * the frontier of kept evidence stays behind, and far below the label delay: features are the same.
 */
const WORLD_SPEED_SKEW_SECONDS = 21_600;
const PACED_SKEW_SECONDS = 30 * 86_400;

/** What every bench stands on: a broker, a PostgreSQL of its own, a world, and a model fitted on the world's first days. */
export class Stage {
  #records: AsyncGenerator<ReplayRecord>;

  private constructor(
    readonly home: string,
    readonly brokers: readonly string[],
    readonly server: EmbeddedPostgres,
    readonly admin: pg.Client,
    readonly postmaster: number,
    readonly name: string,
    world: World,
  ) {
    this.#records = nextRecords(world, HISTORY_DAYS);
  }

  /** Folder of the fitted model. */
  get model(): string {
    return join(this.home, 'model');
  }

  /**
   * Sets up, works, and leaves nothing behind but the broker that it started, also when it is interrupted.
   *
   * @throws whatever `work` throws
   */
  static async with<T>(options: StageOptions, work: (stage: Stage) => Promise<T>): Promise<T> {
    const interrupted = new Promise<never>((_, reject) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => reject(new Error(signal)));
    });
    interrupted.catch(() => undefined);
    const home = await mkdtemp(join(tmpdir(), 'surprisal-bench-'));
    // As root the server runs as another user, who must be able to pass.
    await chmod(home, 0o755);
    let stage: Stage | null = null;
    try {
      stage = await Stage.#open(options, home);
      return await Promise.race([work(stage), interrupted]);
    } finally {
      await Program.stopAll();
      await stage?.close();
      await rm(home, { recursive: true, force: true });
    }
  }

  static async #open({ name, customers, postgres }: StageOptions, home: string): Promise<Stage> {
    const brokers = await findBrokers();
    const server = await startServer(home, postgres ?? {});
    try {
      const admin = await connect(server.adminUrl);
      const postmaster = Number((await readFile(join(server.folder, 'data', 'postmaster.pid'), 'utf8')).split('\n')[0]);
      const world = benchWorld(customers);
      const history = join(home, 'history.csv');
      const rows = await writeHistory(world, HISTORY_DAYS, history);
      process.stderr.write(`fitting on ${rows} transactions of ${HISTORY_DAYS} days …\n`);
      const fit = ['fit', '--schema', 'demo', '--data', history, '--out', join(home, 'model')];
      await run(process.execPath, [COMMAND, ...fit], { maxBuffer: 1 << 26 });
      return new Stage(home, brokers, server, admin, postmaster, `${name}-${process.pid}`, world);
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** The transactions that follow the history and those taken before: nobody sees one twice. */
  async *records(count: number): AsyncGenerator<ReplayRecord> {
    for (let left = count; left > 0; left -= 1) {
      const next = await this.#records.next();
      if (next.done === true) return;
      yield next.value;
    }
  }

  async createTopic(purpose: string, partitions: number): Promise<string> {
    const topic = `${this.name}-${purpose}`;
    await withAdmin(createKafka({ brokers: this.brokers, clientId: 'bench' }), (kafka) =>
      createTopics(kafka, [{ topic, numPartitions: partitions, replicationFactor: 1 }]),
    );
    return topic;
  }

  async send(topic: string, records: AsyncIterable<ReplayRecord>): Promise<void> {
    await replayToKafka({ brokers: this.brokers, topic, records, rate: 'max' });
  }

  /** Answers the URL of a new database, which is a copy of `template` where one is named. */
  async createDatabase(name: string, template?: string): Promise<string> {
    // A copy by files is checkpointed and adds nothing to the log that the measurement would have to carry.
    await this.admin.query(`CREATE DATABASE ${name}${template ? ` TEMPLATE ${template} STRATEGY FILE_COPY` : ''}`);
    const url = new URL(this.server.adminUrl);
    url.pathname = `/${name}`;
    return url.href;
  }

  /** A database for one piece of work, dropped behind it. */
  async inDatabase<T>(
    name: string,
    template: string | undefined,
    work: (url: string, database: pg.Client) => Promise<T>,
  ): Promise<T> {
    const url = await this.createDatabase(name, template);
    try {
      return await withClient(url, (database) => work(url, database));
    } finally {
      await Program.stopAll();
      await this.admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    }
  }

  /** `models promote`: migrates the database and makes the fitted model its champion, with what the line remembered. */
  promote(url: string): Promise<void> {
    return this.command(url, ['models', 'promote', '--model', this.model]);
  }

  /** A command of the line's database. @throws Error with its output when it fails */
  async command(url: string, args: readonly string[]): Promise<void> {
    await run(process.execPath, [COMMAND, ...args], { env: { ...process.env, ...this.#environment(url) } });
  }

  /** `serve` of the role. `SURPRISAL__*` variables of the bench reach it. */
  serve(role: 'worker' | 'all', { url, topic, group = topic, nodeOptions = [], isPaced = false }: ServeOf): ProgramOf {
    const skew = isPaced ? PACED_SKEW_SECONDS : WORLD_SPEED_SKEW_SECONDS;
    const kafka: Record<string, string> = { SURPRISAL__SERVICE__KAFKA__SKEW_MAX_SECONDS: String(skew) };
    if (topic !== undefined) {
      kafka['KAFKA_BROKERS'] = this.brokers.join(',');
      kafka['SURPRISAL__SERVICE__KAFKA__GROUP_ID'] = group!;
      const names = { TRANSACTIONS: topic, LABELS: `${topic}-labels`, ALERTS: alertsOf(topic), DEAD: `${topic}-dead` };
      for (const [purpose, name] of Object.entries(names)) kafka[`SURPRISAL__SERVICE__KAFKA__TOPICS__${purpose}`] = name;
    }
    const args = [...nodeOptions, COMMAND, 'serve', '--role', role, '--schema', 'demo'];
    return { args, env: { ...kafka, ...this.#environment(url) } };
  }

  /** The server first: a broker that has gone must not leave it running. */
  async close(): Promise<void> {
    await this.admin.end();
    await this.server.stop();
    await withAdmin(createKafka({ brokers: this.brokers, clientId: 'bench' }), async (kafka) => {
      const topics = (await kafka.listTopics()).filter((topic) => topic.startsWith(this.name));
      if (topics.length > 0) await kafka.deleteTopics({ topics });
    });
  }

  #environment(url: string): Record<string, string> {
    const given = Object.entries(process.env).flatMap(([name, value]) =>
      name.startsWith('SURPRISAL__') && value !== undefined ? [[name, value]] : [],
    );
    return {
      ...(Object.fromEntries(given) as Record<string, string>),
      ...{ DATABASE_URL: url, SURPRISAL_HOME: this.home, PORT: '0', LOG_LEVEL: 'warn' },
    };
  }
}

/** The alert topic of a line that reads this topic. */
export const alertsOf = (topic: string): string => `${topic}-alerts`;

/** A connection that breaks fails its next query: after an interrupt the server goes first, and the rest has to be tidied up. */
const connect = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
};

export const withClient = async <T>(url: string, work: (database: pg.Client) => Promise<T>): Promise<T> => {
  const database = await connect(url);
  try {
    return await work(database);
  } finally {
    await database.end();
  }
};

const findBrokers = async (): Promise<readonly string[]> => {
  const given = process.env['KAFKA_BROKERS'];
  if (given) return given.split(',');
  const script = join(packageRoot, 'scripts', 'kafka-local.sh');
  await run(script, ['up']).catch((error: { readonly stderr?: string }) => {
    throw new Error(`no Kafka to measure with: ${error.stderr?.trim().split('\n').at(-1) ?? 'the script failed'}`);
  });
  return (await run(script, ['env'])).stdout.trim().replace('KAFKA_BROKERS=', '').split(',');
};

/** Settings that need a restart get one. */
const startServer = async (home: string, settings: Readonly<Record<string, string>>): Promise<EmbeddedPostgres> => {
  const options = { home, log: () => undefined };
  const server = await startEmbeddedPostgres(options);
  if (Object.keys(settings).length === 0) return server;
  try {
    await withClient(server.adminUrl, async (admin) => {
      for (const [name, value] of Object.entries(settings)) await admin.query(`ALTER SYSTEM SET ${name} = '${value}'`);
    });
  } finally {
    await server.stop();
  }
  return startEmbeddedPostgres(options);
};
