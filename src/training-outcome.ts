import type { TransactionSchema } from './domain/transaction-schema.js';
import { storeModel, type ModelStores, type Stores, type TrainedModel } from './service-stores.js';
import { CHALLENGERS_MAX } from './store/model-registry.js';
import { StateConflictError } from './store/state-conflict.js';
import type { GateVerdict } from './training/gate.js';
import type { TrainingClaim, TrainingOutcome, TrainingRunStore } from './training/ports.js';

export class RunCancelled extends Error {
  override readonly name = 'RunCancelled';
}

/** Another has taken the run, or it was taken off this process: nothing more may be said of it. */
export class RunLost extends Error {
  override readonly name = 'RunLost';
}

export interface TrainingResult {
  readonly model: TrainedModel;
  readonly verdict: GateVerdict;
  readonly report: NonNullable<TrainingOutcome['report']>;
  /** Of the champion that the gate held it against; another one by now keeps it from being promoted. */
  readonly championEpoch: number;
}

/**
 * The end of a run that made a version: the version is stored, the run has succeeded, and the version has the role that the
 * gate gives it; all of it or nothing, so that no end of the program leaves a verdict without its promotion.
 *
 * @returns why the role could not be given: somebody has decided otherwise meanwhile, and the version stays a candidate
 * @throws RunCancelled, RunLost: nothing of the version is kept
 */
export const keepResult = async (
  stores: Pick<Stores, 'inTransaction'>,
  { name: schema }: TransactionSchema,
  claim: TrainingClaim,
  { model, verdict, report, championEpoch }: TrainingResult,
): Promise<string | null> => {
  const { version } = model;
  const by = { by: `training run ${claim.id}`, why: `the gate says ${verdict}` };
  const keep = (giveRole: (inside: ModelStores) => Promise<unknown>): Promise<void> =>
    stores.inTransaction(async (inside) => {
      await storeModel(inside, model);
      if (!(await inside.runs.finish(claim, { state: 'succeeded', report, version })))
        throw (await inside.runs.heartbeat(claim)) === 'cancel'
          ? new RunCancelled('cancelled while it ran')
          : new RunLost(`training run ${claim.id} was taken off this process`);
      await giveRole(inside);
    });
  try {
    await keep(async (inside) => {
      if (verdict === 'promote') await inside.registry.promote(schema, version, by, championEpoch);
      else if (verdict !== 'reject') await challenge(inside, schema, version, by);
    });
    return null;
  } catch (error) {
    if (!(error instanceof StateConflictError)) throw error;
    // Once more from the start: nothing is left of the first try, no challenger has made room for nobody.
    await keep(() => Promise.resolve());
    return error.message;
  }
};

/**
 * The end of a run that made no version; a holder that stops hands it back, and another goes on with it.
 *
 * @returns what became of it, in words
 */
export const endRun = async (
  runs: Pick<TrainingRunStore, 'finish' | 'handBack'>,
  claim: TrainingClaim,
  error: Error,
  isStopping: boolean,
): Promise<string> => {
  if (error instanceof RunLost) return `is left: ${error.message}`;
  const isCancelled = error instanceof RunCancelled;
  if (isStopping && !isCancelled) {
    const state = await runs.handBack(claim);
    return state === 'queued' ? 'is handed back: the next trainer takes it up' : `is ${state}`;
  }
  const state = isCancelled ? 'cancelled' : 'failed';
  const reason = error.message.split('\n', 1)[0]!;
  const sentence = isDiskFull(error) ? `the disk of the database is full, nothing of the version is kept: ${reason}` : reason;
  await runs.finish(claim, { state, error: sentence });
  return `${isCancelled ? 'is' : 'has'} ${state}: ${sentence}`;
};

/** SQLSTATE disk_full. */
const isDiskFull = (error: Error): boolean => 'code' in error && error.code === '53100';

/** The newest challengers are the ones worth watching: the oldest makes room. */
const challenge = async (
  { models, registry }: ModelStores,
  schema: string,
  version: string,
  by: { readonly by: string; readonly why: string },
): Promise<void> => {
  const challengers = await models.challengerVersions(schema);
  if (challengers.length >= CHALLENGERS_MAX) await registry.relieve(schema, challengers[0]!, by);
  await registry.challenge(schema, version, by);
};
