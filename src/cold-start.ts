import type { Champion } from './champion.js';
import type { Config } from './config.js';
import type { TransactionSchema } from './domain/transaction-schema.js';
import { firstWindowRows } from './scoring/calibrate-so-far.js';
import { saveScoringModel } from './scoring/scoring-model.js';
import { installChampion, type Stores } from './service-stores.js';
import { StateConflictError } from './store/state-conflict.js';
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

/** For health: null where the champion has learned from the stream. */
export const coldStartCheck = (champion: Champion, { policy, training }: Pick<Config, 'policy' | 'training'>): string | null => {
  if (champion.prior === null) return null;
  const alerts =
    champion.calibrationRows === null
      ? `nothing is alerted on before ${firstWindowRows(policy.budget.share)} transactions`
      : `calibrated by ${champion.calibrationRows} transactions`;
  return `prior model ${champion.prior} decides, without history: ${alerts}; the first model of the stream is trained at ${training.coldStart.rowsMin}`;
};
