import type { Champion } from './champion.js';
import type { Config } from './config.js';
import type { TransactionSchema } from './domain/transaction-schema.js';
import { firstWindowWords } from './scoring/calibrate-so-far.js';
import { saveScoringModel } from './scoring/scoring-model.js';
import { installChampion, type Stores } from './service-stores.js';
import { StateConflictError } from './store/state-conflict.js';
import type { TrainingRun } from './training/ports.js';
import { priorModel, priorReport } from './training/prior-model.js';

const INSTALL = '"surprisal models promote --model DIR" installs one; scoring waits for it';

/**
 * Makes the prior model the champion of a database that holds neither transactions nor models. Several processes may try at
 * once: the bytes are the same and one promotion wins.
 *
 * @returns what became of it, for the log; null: there is a champion
 */
export const startCold = async (
  stores: Stores,
  schema: TransactionSchema,
  { policy, training }: Pick<Config, 'policy' | 'training'>,
  nowMs: number,
): Promise<string | null> => {
  if ((await stores.models.championVersion(schema.name)) !== null) return null;
  const none = `no model for schema "${schema.name}" decides`;
  const { enabled, rowsMin } = training.coldStart;
  if (!enabled) return `${none} (training.coldStart.enabled is false): ${INSTALL}`;
  if (await stores.settings.hasTransactions())
    return `${none}, and the database holds transactions: a prior model is for an empty one; ${INSTALL}`;
  const model = priorModel(schema);
  if (!model) return `${none}: no column has a direction of risk, so that a prior model has nothing to say; ${INSTALL}`;
  if (policy.ranking.weights.T === 0)
    return `${none}: a prior model speaks by channel T, to which the policy gives no weight; ${INSTALL}`;
  const { items } = await stores.registry.list({ schema: schema.name, limit: 2 });
  const other = items.find(({ version, state }) => version !== model.version || state === 'retired');
  if (other)
    return `${none}, but models are stored (${other.version}, ${other.state}): promote one of them; scoring waits for it`;
  const { version } = model;
  const trained = {
    version,
    artifact: saveScoringModel(model),
    calibration: null,
    trainedAtMs: nowMs,
    report: priorReport(model),
  };
  try {
    await installChampion(stores, trained, { by: 'cold start', why: 'no history: a prior model of the schema alone' }, 0);
  } catch (error) {
    // Another process was faster.
    if (error instanceof StateConflictError) return null;
    throw error;
  }
  return `cold start: ${version} decides, a prior model without history; the first model of the stream is trained at ${rowsMin} transactions`;
};

/** For health: null where the champion has learned from the stream. Two rows by index while it has not, nothing afterwards. */
export const coldStartCheck = async (
  champion: Pick<Champion, 'prior' | 'calibrationRows'>,
  stores: Pick<Stores, 'runs' | 'registry'>,
  schema: TransactionSchema,
  { policy, training }: Pick<Config, 'policy' | 'training'>,
): Promise<string | null> => {
  const { prior, calibrationRows } = champion;
  if (prior === null) return null;
  const alerts =
    calibrationRows === null
      ? `nothing is alerted on before ${firstWindowWords(policy.budget)}`
      : `calibrated by ${calibrationRows} transactions`;
  const [[change], { items }] = await Promise.all([
    stores.registry.changes(schema.name, prior, 1),
    stores.runs.list({ schema: schema.name, limit: 1 }),
  ]);
  const returned = change?.kind === 'rollback' ? `, rolled back to by ${change.by}` : '';
  return `prior model ${prior} decides${returned}, without history: ${alerts}; ${firstModel(items[0], training)}`;
};

/** @param newest training run of the schema */
const firstModel = (newest: TrainingRun | undefined, { coldStart, schedule }: Config['training']): string => {
  if (!newest)
    return schedule.enabled
      ? `the first model of the stream is trained at ${coldStart.rowsMin}`
      : 'the schedule is off: "surprisal retrain" asks for the first model of the stream';
  const { id, state, report } = newest;
  if (state === 'queued') return `training run ${id} is asked for`;
  if (state === 'running') return `training run ${id} goes on`;
  const verdict = state === 'succeeded' ? report?.['verdict'] : state;
  return `training run ${id}: ${typeof verdict === 'string' ? verdict : state}, "surprisal runs show ${id}" says why`;
};
