import { CHAMPION_POLL_MS, type Champion } from './champion.js';
import type { Clock } from './clock.js';
import type { Config } from './config.js';
import { DAY_MS } from './domain/time.js';
import type { TransactionSchema } from './domain/transaction-schema.js';
import type { Log } from './log.js';
import { DriftThread } from './threads/drift-thread.js';
import { watchDrift } from './drift-watch.js';
import { repeat } from './repeat.js';
import { askForDrift, retrainIfDue, type RetrainingSchedule } from './retraining-schedule.js';
import type { Stores } from './service-stores.js';
import { listenToNotices } from './store/notices.js';
import { retire } from './store/retention.js';
import type { AlertRelay } from './stream/alert-relay.js';

const EVERY_MS = {
  relay: 250,
  champion: CHAMPION_POLL_MS,
  calibration: 5_000,
  retraining: 10_000,
  drift: 10_000,
  retention: 3_600_000,
};
/** A partition this far behind the newest counts as idle: it holds no day open. */
const IDLE_AFTER_MS = 7 * DAY_MS;

export interface Scheduled {
  readonly config: Config;
  readonly schema: TransactionSchema;
  /** The demo closes its days itself, between two batches. */
  readonly isDemo: boolean;
  /** Of the schedule of retraining in the demo; elsewhere the database's clock is. */
  readonly clock: Clock;
  readonly stores: Stores;
  readonly champion: Champion;
  /** Names this process in leases. */
  readonly holder: string;
  readonly log: Log;
  /** Null without Kafka. */
  readonly relay: AlertRelay | null;
  readonly signal: AbortSignal;
}

/** Every timer of the service, on one page. */
export const startSchedule = (given: Scheduled): { stop(): Promise<void> } => {
  const { stores, champion, log, relay } = given;
  const refresh = repeat(EVERY_MS.champion, async () => void (await champion.refresh()), log.warnOf('champion'));
  const notices = listenToNotices(stores.dataSource, () => refresh.now(), log.warnOf('notices'));
  const timers = [
    refresh,
    repeat(EVERY_MS.retention, () => retireOld(given), log.warnOf('retention')),
    repeat(EVERY_MS.retraining, () => retrain(given), log.warnOf('retraining')),
    repeat(EVERY_MS.drift, () => watch(given), log.warnOf('drift')),
    ...(given.isDemo ? [] : [repeat(EVERY_MS.calibration, () => calibrate(given), log.warnOf('calibration'))]),
    ...(relay ? [repeat(EVERY_MS.relay, async () => void (await relay.turn()), log.warnOf('alert relay'))] : []),
  ];
  return {
    stop: async () => {
      await notices.close();
      await Promise.all(timers.map((timer) => timer.stop()));
    },
  };
};

/** The event time that every partition has passed which is not idle: days before it are closed. Null: nothing is stored. */
const eventNowMs = async ({ config, stores }: Scheduled): Promise<number | null> => {
  const newestMs = await stores.queries.newestEventMs();
  if (newestMs === null) return null;
  const { groupId, topics } = config.service.kafka;
  const partitions = await stores.offsets.positions(groupId, topics.transactions);
  const active = partitions.flatMap(({ maxEventMs: atMs }) => (atMs !== null && atMs >= newestMs - IDLE_AFTER_MS ? atMs : []));
  return Math.min(newestMs, ...active);
};

/** One leader builds the calibration of a new event day, once the day before has closed. */
const calibrate = async (given: Scheduled): Promise<void> => {
  if (!(await given.stores.outbox.acquireLease('calibration', given.holder, 10 * EVERY_MS.calibration))) return;
  const nowMs = await eventNowMs(given);
  if (nowMs !== null) await given.champion.calibrate(nowMs);
};

/** One leader looks at each event day that has closed. What two leaders find is stored, and told, once. */
const watch = async (given: Scheduled): Promise<void> => {
  const { config, schema, stores, holder, log, signal } = given;
  if (!(await stores.outbox.acquireLease('drift', holder, 30 * EVERY_MS.drift))) return;
  const nowMs = await eventNowMs(given);
  if (nowMs === null) return;
  const say = (line: string): void => log.say(line);
  const { drift: settings } = config.training;
  const retrain = (why: string) => askForDrift(retraining(given), why);
  const thread = new DriftThread();
  try {
    await watchDrift({ schema, settings, stores, run: thread.run, retrain, say, signal }, Math.floor(nowMs / DAY_MS) - 1);
  } finally {
    await thread.close();
  }
};

/** One leader asks for training runs; whoever is a trainer carries them out. */
const retrain = async (given: Scheduled): Promise<void> => {
  if (!(await given.stores.outbox.acquireLease('retrain', given.holder, 3 * EVERY_MS.retraining))) return;
  await retrainIfDue(retraining(given));
};

const retraining = ({ config, schema, isDemo, clock, stores, log }: Scheduled): RetrainingSchedule => {
  const { schedule, coldStart } = config.training;
  return {
    schema,
    coldStart,
    // A simulated day is a minute: nightly would be all the time.
    settings: isDemo ? { ...schedule, cron: config.service.demo.retrainCron } : schedule,
    stores,
    now: () => (isDemo ? clock.now() : stores.triggers.nowMs()),
    say: (line) => log.say(line),
  };
};

/** One leader removes what is older than the configuration says. */
const retireOld = async ({ config, schema, stores, holder, log, signal }: Scheduled): Promise<void> => {
  if (!(await stores.outbox.acquireLease('retention', holder, 2 * EVERY_MS.retention))) return;
  const { partitions, rows } = await retire(stores.dataSource, config.service.retention, Date.now(), signal);
  const candidates = await stores.registry.retireCandidates(schema.name, config.service.retention.candidates);
  if (candidates > 0) log.say(`retention: ${candidates} model versions without a role retired`);
  if (partitions.length > 0 || rows > 0) log.say(`retention: ${[...partitions, `${rows} rows`].join(', ')} removed`);
};
