import { CHAMPION_POLL_MS, type Champion } from './champion.js';
import type { Clock } from './clock.js';
import type { Config } from './config.js';
import type { TransactionSchema } from './domain/transaction-schema.js';
import type { Log } from './log.js';
import { repeat } from './repeat.js';
import { retrainIfDue } from './retraining-schedule.js';
import type { Stores } from './service-stores.js';
import { listenToNotices } from './store/notices.js';
import { retire } from './store/retention.js';
import type { AlertRelay } from './stream/alert-relay.js';

const EVERY_MS = { relay: 250, champion: CHAMPION_POLL_MS, calibration: 5_000, retraining: 10_000, retention: 3_600_000 };
/** A partition this far behind the newest counts as idle: it holds no day open. */
const IDLE_AFTER_MS = 7 * 86_400_000;

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

/** One leader builds the calibration of a new event day, once every partition that is not idle has passed the day before. */
const calibrate = async ({ config, stores, champion, holder }: Scheduled): Promise<void> => {
  if (!(await stores.outbox.acquireLease('calibration', holder, 10 * EVERY_MS.calibration))) return;
  const newestMs = await stores.queries.newestEventMs();
  if (newestMs === null) return;
  const { groupId, topics } = config.service.kafka;
  const partitions = await stores.offsets.positions(groupId, topics.transactions);
  const active = partitions.flatMap(({ maxEventMs: atMs }) => (atMs !== null && atMs >= newestMs - IDLE_AFTER_MS ? atMs : []));
  await champion.calibrate(Math.min(newestMs, ...active));
};

/** One leader asks for training runs; whoever is a trainer carries them out. */
const retrain = async ({ config, schema, isDemo, clock, stores, holder, log }: Scheduled): Promise<void> => {
  if (!(await stores.outbox.acquireLease('retrain', holder, 3 * EVERY_MS.retraining))) return;
  const now = () => (isDemo ? clock.now() : stores.triggers.nowMs());
  const { schedule } = config.training;
  // A simulated day is a minute: nightly would be all the time.
  const settings = isDemo ? { ...schedule, cron: config.service.demo.retrainCron } : schedule;
  await retrainIfDue({ schema, settings, stores, now, say: (line) => log.say(line) });
};

/** One leader removes what is older than the configuration says. */
const retireOld = async ({ config, schema, stores, holder, log, signal }: Scheduled): Promise<void> => {
  if (!(await stores.outbox.acquireLease('retention', holder, 2 * EVERY_MS.retention))) return;
  const { partitions, rows } = await retire(stores.dataSource, config.service.retention, Date.now(), signal);
  const candidates = await stores.registry.retireCandidates(schema.name, config.service.retention.candidates);
  if (candidates > 0) log.say(`retention: ${candidates} model versions without a role retired`);
  if (partitions.length > 0 || rows > 0) log.say(`retention: ${[...partitions, `${rows} rows`].join(', ')} removed`);
};
