import { DAY_MS, HOUR_MS } from './domain/time.js';
import type { TransactionSchema } from './domain/transaction-schema.js';
import type { Stores } from './service-stores.js';
import type { ColdStartSettings } from './training/cold-start-settings.js';
import { lastDueMs } from './training/due-times.js';
import type { TrainingRequest } from './training/ports.js';
import type { ScheduleSettings } from './training/schedule-settings.js';

export interface RetrainingSchedule {
  readonly schema: TransactionSchema;
  readonly settings: ScheduleSettings;
  readonly coldStart: Pick<ColdStartSettings, 'rowsMin'>;
  readonly stores: Pick<Stores, 'runs' | 'triggers' | 'queries'>;
  /** The clock of the schedule, UTC epoch milliseconds: the database's, or the demo's simulated one. */
  readonly now: () => Promise<number> | number;
  readonly say: (line: string) => void;
}

/** One look of the leader: marks lost runs, and asks for those that are due. */
export const retrainIfDue = async (given: RetrainingSchedule): Promise<void> => {
  await restartLost(given);
  if (!given.settings.enabled || (await startsCold(given))) return;
  await answerSchedule(given);
  await answerLabels(given);
};

const restartLost = async ({ schema, settings, stores, say }: RetrainingSchedule): Promise<void> => {
  const { lostAfterSeconds, attemptsMax } = settings;
  for (const { run, restart } of await stores.runs.markLost(schema.name, 1000 * lostAfterSeconds, attemptsMax))
    say(`training run ${run.id} is lost: ${run.error}; ${restart ? `run ${restart.id} takes its place` : 'it is given up'}`);
};

/**
 * Whether nothing else asks for a run: a prior model decides, and the history is too short to learn from. Once it is long enough
 * it asks for one, which answers every time of the schedule that went by.
 */
const startsCold = async (given: RetrainingSchedule): Promise<boolean> => {
  const { schema, stores } = given;
  const { rowsMin } = given.coldStart;
  const cold = await stores.triggers.coldStart(schema.name, rowsMin);
  if (!cold || cold.wasAsked) return false;
  const why = `cold start: ${rowsMin} transactions are stored`;
  if (cold.hasRows) await ask(given, { trigger: 'schedule', why, dueAtMs: await given.now() });
  return true;
};

/** However many times were missed, the newest of them asks for one run. */
const answerSchedule = async (given: RetrainingSchedule): Promise<void> => {
  const { schema, settings, stores } = given;
  const nowMs = await given.now();
  const sinceMs = await stores.triggers.scheduledSinceMs(schema.name, nowMs);
  const dueMs = lastDueMs(settings.cron, nowMs);
  if (dueMs === null || dueMs <= sinceMs || (await stores.triggers.wasAnswered(schema.name, dueMs))) return;
  const due = new Date(dueMs).toISOString();
  await ask(given, { trigger: 'schedule', why: `due at ${due} by "${settings.cron}"`, dueAtMs: dueMs });
};

const answerLabels = async (given: RetrainingSchedule): Promise<void> => {
  const { schema, settings, stores } = given;
  const { newLabelsMin, hoursBetween } = settings;
  if (newLabelsMin === 0 || !schema.label || (await stores.triggers.isRecent(schema.name, hoursBetween * HOUR_MS))) return;
  const newestMs = await stores.queries.newestEventMs();
  if (newestMs === null) return;
  const delayMs = schema.label.delayDays * DAY_MS;
  const labels = await stores.triggers.newMaturedLabels(schema.name, newestMs, delayMs, newLabelsMin);
  if (labels >= newLabelsMin)
    await ask(given, { trigger: 'labels', why: `${labels} transactions or more have a label that matured since the last run` });
};

/** For what the monitors find: no run where one waits, runs, or was asked for a short while ago. Answers whether it was asked for. */
export const askForDrift = async (given: RetrainingSchedule, why: string): Promise<boolean> => {
  const { schema, settings, stores } = given;
  if (!settings.enabled || (await startsCold(given))) return false;
  if (await stores.triggers.isRecent(schema.name, settings.hoursBetween * HOUR_MS)) return false;
  await ask(given, { trigger: 'drift', why });
  return true;
};

const ask = async (
  { schema, stores, say }: RetrainingSchedule,
  request: Pick<TrainingRequest, 'trigger' | 'why' | 'dueAtMs'>,
): Promise<void> => {
  const { run, isNew } = await stores.runs.enqueue({ ...request, schema: schema.name, by: 'schedule' });
  if (isNew) say(`training run ${run.id} is asked for: ${run.why}`);
};
