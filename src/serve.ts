import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { API_APPLICATION_OPTIONS } from './api/api.module.js';
import type { Readiness } from './api/api-settings.js';
import { apiKeyOf } from './api-key.js';
import { AppModule } from './app.module.js';
import { Champion } from './champion.js';
import { wallClock, type Clock } from './clock.js';
import { coldStartCheck, startCold } from './cold-start.js';
import { ConfigError, loadConfig, loadSchema, packageRoot, type Config } from './config.js';
import { DemoRun } from './demo-run.js';
import { transactionParser } from './domain/parse-transaction.js';
import { refuseFuture } from './domain/refuse-future.js';
import type { TransactionSchema } from './domain/transaction-schema.js';
import { portRefusal, requireFreePort } from './free-port.js';
import { connectKafka, type KafkaDoor } from './kafka-door.js';
import { createLog, nestLogger, type Log } from './log.js';
import { startSchedule } from './schedule.js';
import { OnlineLine } from './scoring/score-transactions.js';
import { openDatabase } from './service-database.js';
import { createStores, type Stores } from './service-stores.js';
import { startTrainer } from './trainer.js';
import { StoredVersionComparer } from './version-comparer.js';
import { WorkerPool } from './threads/worker-pool.js';

export const ROLES = ['all', 'api', 'worker', 'trainer'] as const;
export type Role = (typeof ROLES)[number];

export interface ServeOptions {
  readonly role: Role;
  /** Shipped name or path; the demo has its own. */
  readonly schema?: string;
  readonly config?: string;
  readonly demo?: boolean;
  readonly seed?: number;
  readonly secondsPerDay?: number;
}

/** What a start made, in order; stopping undoes it backwards, each step whatever the others did. */
class Closers {
  readonly #steps: { readonly name: string; readonly close: () => Promise<void> }[] = [];

  add(name: string, close: () => Promise<void>): void {
    this.#steps.push({ name, close });
  }

  async closeAll(log: Log): Promise<void> {
    for (const step of this.#steps.reverse())
      await step.close().catch((error: unknown) => log.error(`stopping ${step.name}: ${(error as Error).message}`));
    this.#steps.length = 0;
  }
}

/** Runs one role until it is told to stop (SIGINT, SIGTERM) or a broken invariant stops it. */
export const serve = async (options: ServeOptions): Promise<void> => {
  const config = loadConfig(options.config);
  const isDemo = wantsDemo(options, config);
  const schema = loadSchema(options.schema ?? 'demo', options.config);
  // Before any work: a demo trains for a minute before it listens.
  if (options.role !== 'trainer') await requireFreePort(config.port, config.service.http.host);
  const log = createLog(config.logLevel, isDemo);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort(new Error(signal)));
  const closers = new Closers();
  try {
    await start({ options, config, schema, isDemo, log, closers, stop });
    if (!stop.signal.aborted)
      await new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve(), { once: true }));
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    // A start that failed has its one sentence to say, nothing else.
    if (stop.signal.aborted) log.say('stopping …');
    await closers.closeAll(log);
  }
  const { reason } = stop.signal as { reason: Error };
  if (reason.message !== 'SIGINT' && reason.message !== 'SIGTERM') throw reason;
  log.say('stopped');
};

const wantsDemo = (options: ServeOptions, config: Config): boolean => {
  if (options.role !== 'all' && config.databaseUrl === null)
    throw new ConfigError(`DATABASE_URL is not set: role ${options.role} needs it (only role all has an embedded database)`);
  if (options.demo && options.schema !== undefined && options.schema !== 'demo')
    throw new ConfigError(`--demo comes with its own schema; it cannot run with --schema ${options.schema}`);
  const byDefault =
    options.role === 'all' && options.schema === undefined && config.databaseUrl === null && config.kafkaBrokers === null;
  if (!byDefault && !options.demo && options.schema === undefined)
    throw new ConfigError(
      '--schema is missing: with KAFKA_BROKERS or DATABASE_URL name the transaction schema to serve, or ask for --demo',
    );
  return byDefault || options.demo === true;
};

interface Start {
  readonly options: ServeOptions;
  readonly config: Config;
  readonly schema: TransactionSchema;
  readonly isDemo: boolean;
  readonly log: Log;
  readonly closers: Closers;
  readonly stop: AbortController;
}

const start = async (given: Start): Promise<void> => {
  const { options, config, schema, isDemo, log, closers, stop } = given;
  const broken = (error: Error): void => stop.abort(error);
  const apiKey = apiKeyOf(config);
  const database = await openDatabase(config, (line) => log.say(line));
  closers.add('database', () => database.close());
  const stores = createStores(database.dataSource, schema, config.kafkaBrokers !== null, config.signingKey);
  const holder = `${options.role}-${process.pid}-${randomUUID().slice(0, 8)}`;
  if (options.role === 'trainer') {
    startTraining(given, stores, holder);
    return log.say('trainer: waits for training runs; it scores nothing and listens to no port');
  }
  const pool = new WorkerPool(config.service.scoring.threads, config.tensorBackend, broken, (line) => log.warn(line));
  closers.add('scoring threads', () => pool.stop());
  const champion = new Champion(schema.name, stores, pool, config.policy);
  const demo = isDemo ? await DemoRun.open({ config, options, schema, stores, log, signal: stop.signal }) : null;
  const clock: Clock = demo?.clock ?? wallClock;
  const parser = refuseFuture(transactionParser(schema), schema.time?.column, () => clock.now());
  const line = new OnlineLine(schema, parser, stores.scoring, pool);
  const cold = await startCold(stores, schema, config, clock.now());
  if (cold !== null) log.say(cold);
  await champion.refresh();

  const kafka = config.kafkaBrokers ? await connectKafka(config, config.kafkaBrokers, { stores, holder, log }) : null;
  // What the last batches raised leaves before the stop; what cannot waits in the outbox for the next start.
  if (kafka) closers.add('alert relay', () => kafka.relay.finish());
  const { settings, app } = await listen(given, { stores, line, clock, apiKey, kafka, champion, pool });
  closers.add('HTTP and Kafka', () => app.close());
  const url = await app.getUrl();
  log.say(`page: ${url.replace('[::1]', 'localhost')}/#key=${settings.apiKey}`);

  if (demo) {
    await demo.start({ line, champion });
    closers.add('demo stream', () => demo.stop());
  }
  const schedule = startSchedule({
    config,
    schema,
    isDemo,
    clock,
    stores,
    champion,
    holder,
    log,
    relay: kafka?.relay ?? null,
    signal: stop.signal,
  });
  closers.add('schedule', () => schedule.stop());
  if (options.role === 'all') startTraining(given, stores, holder);
};

const startTraining = ({ config, schema, log, closers, stop }: Start, stores: Stores, holder: string): void => {
  const trainer = startTrainer({ config, schema, stores, holder, log, signal: stop.signal });
  closers.add('trainer', () => trainer.stop());
};

interface Doors {
  readonly stores: Stores;
  readonly line: OnlineLine;
  readonly clock: Clock;
  readonly apiKey: string;
  readonly kafka: KafkaDoor | null;
  readonly champion: Champion;
  readonly pool: WorkerPool;
}

const listen = async ({ config, schema, options, log }: Start, doors: Doors) => {
  const { stores, line, clock, apiKey, kafka } = doors;
  const consumes = kafka !== null && options.role !== 'api';
  const settings = {
    apiKey,
    webRoot: join(packageRoot, 'web', 'dist'),
    schema,
    readiness: () => readinessOf(doors, schema, config, consumes),
    now: () => clock.now(),
  };
  const { labels, deadLetters, offsets, queries, registry, runs, drift } = stores;
  const module = AppModule.register({
    settings,
    line,
    labels,
    deadLetters,
    offsets,
    queries,
    registry,
    runs,
    drift,
    comparer: new StoredVersionComparer(schema, stores, config.policy),
    doors: { api: options.role !== 'worker', kafka: consumes },
  });
  const app = await NestFactory.create<NestExpressApplication>(module, {
    ...API_APPLICATION_OPTIONS,
    logger: nestLogger(log),
    abortOnError: false,
  });
  if (kafka && consumes) {
    app.connectMicroservice<MicroserviceOptions>({ strategy: kafka.server });
    await app.startAllMicroservices();
  }
  try {
    await app.listen(config.port, config.service.http.host);
  } catch (error) {
    await app.close();
    throw portRefusal(error, config.port, config.service.http.host) ?? error;
  }
  return { settings, app };
};

const readinessOf = async (
  { stores, kafka, pool, champion }: Doors,
  schema: TransactionSchema,
  config: Config,
  consumes: boolean,
): Promise<Readiness> => {
  const checks: Record<string, string> = {};
  checks['database'] = await stores.dataSource.query('SELECT 1').then(
    () => 'ok',
    (error: unknown) => (error as Error).message,
  );
  checks['model'] = pool.ready ? (champion.problem ?? 'ok') : 'no champion yet';
  if (kafka && consumes) {
    const { state, lastError } = kafka.server.health();
    checks['kafka'] = state === 'reading' && lastError === null ? 'ok' : `${state}${lastError === null ? '' : `: ${lastError}`}`;
    const relay = await kafka.relay
      .health()
      .catch((error: unknown) => ({ state: 'unknown', lastError: (error as Error).message }));
    checks['relay'] = relay.state === 'leading' || relay.state === 'standby' ? 'ok' : `${relay.state}: ${relay.lastError ?? ''}`;
  }
  const ok = Object.values(checks).every((check) => check === 'ok');
  // Said here, and no reason to take the service out of use: the champion decides as ever.
  const { challengers } = champion;
  if (challengers.count > 0) checks['challengers'] = challengers.problem ?? 'ok';
  const cold = await coldStartCheck(champion, stores, schema, config).catch((error: unknown) => (error as Error).message);
  if (cold !== null) checks['history'] = cold;
  return { ok, checks };
};
