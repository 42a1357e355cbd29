import { createHash } from 'node:crypto';
import type { Config } from './config.js';
import { InputError } from './domain/input-error.js';
import { isPriorModel, type ModelOrigin } from './domain/model-version.js';
import { DAY_MS } from './domain/time.js';
import type { TransactionSchema } from './domain/transaction-schema.js';
import { MARKOV_DAYS } from './features/plan.js';
import type { Log } from './log.js';
import { repeat } from './repeat.js';
import type { StoredModel } from './scoring/ports.js';
import type { Stores } from './service-stores.js';
import { newestRowsFrom } from './store/history-bounds.js';
import { HistoryStore } from './store/history.store.js';
import { readTrainingHistory, type HistoryRead } from './training-history.js';
import { endRun, keepResult, RunCancelled, RunLost } from './training-outcome.js';
import type { TrainingClaim, TrainingRun } from './training/ports.js';
import { defaultEstimators } from './training/retrain.js';
import { storedJudgedFromMs } from './training-window.js';
import { versionName } from './version-name.js';
import type { Trained, TrainInput } from './threads/worker-messages.js';
import { trainInThread } from './threads/training-thread.js';

const EVERY_MS = { claim: 1_000, heartbeat: 5_000, event: 500 };

export interface TrainerGiven {
  readonly config: Config;
  readonly schema: TransactionSchema;
  readonly stores: Stores;
  /** Names this process in runs. */
  readonly holder: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Carries out training runs, one at a time: whoever waits in the queue first. A run that is not done when this process stops
 * is handed back; one that it leaves behind when it crashes is found lost, and another takes its place.
 */
export const startTrainer = (given: TrainerGiven): { stop(): Promise<void> } => {
  const stop = new AbortController();
  const signal = AbortSignal.any([given.signal, stop.signal]);
  const timer = repeat(EVERY_MS.claim, () => carryOutNext({ ...given, signal }), given.log.warnOf('trainer'));
  return {
    stop: async () => {
      stop.abort(new Error('the trainer was stopped'));
      await timer.stop();
    },
  };
};

const carryOutNext = async (given: TrainerGiven): Promise<void> => {
  const { stores, schema, holder, log, signal } = given;
  if (signal.aborted) return;
  const claimed = await stores.runs.claim(schema.name, holder);
  if (!claimed) return;
  const { claim, run } = claimed;
  const ended = new AbortController();
  const heartbeat = repeat(
    EVERY_MS.heartbeat,
    async () => {
      const answer = await stores.runs.heartbeat(claim);
      if (answer === 'cancel') ended.abort(new RunCancelled('cancelled while it ran'));
      if (answer === 'lost') ended.abort(new RunLost(`training run ${run.id} was taken off this process`));
    },
    log.warnOf(`training run ${run.id}`),
  );
  try {
    log.say(`training run ${run.id} (${run.trigger}): ${run.why}`);
    await carryOut({ ...given, signal: AbortSignal.any([signal, ended.signal]) }, claim, run);
  } catch (error) {
    const failure = error as Error;
    if (!signal.aborted && isProgramError(failure)) log.error(`training run ${run.id}: ${failure.stack}`);
    log.say(`training run ${run.id} ${await endRun(stores.runs, claim, failure, signal.aborted)}`);
  } finally {
    await heartbeat.stop();
  }
};

/** A stack says more of it than the sentence that the run keeps; a thread's error of the data bears none. */
const isProgramError = (error: Error): boolean =>
  ![InputError, RunCancelled, RunLost].some((kind) => error instanceof kind) && error.stack !== error.message;

const carryOut = async (given: TrainerGiven, claim: TrainingClaim, run: TrainingRun): Promise<void> => {
  const { stores, schema, config, log } = given;
  // Promotion is refused where another has taken its place meanwhile.
  const decides = await stores.registry.champion(schema.name);
  if (!decides) throw new InputError(`schema ${schema.name} has no champion: its features are what a new model is trained on`);
  const champion = await stores.models.load(decides.version);
  const say = eventsOf(given, claim);
  const { trained, read, asOfMs, version } = await train(given, claim, run, champion, say);
  const origin: ModelOrigin = {
    dataFromMs: read.fromMs,
    dataToMs: asOfMs,
    dataHash: read.hash,
    schemaHash: createHash('sha256').update(JSON.stringify(schema)).digest('hex'),
    parent: champion.version.version,
    trainingRun: run.id,
    gate: { ...trained.gate },
  };
  const { artifact, calibration, gate, rehearsal } = trained;
  const { drift: driftReference = null, ...report } = trained.report;
  const conflict = await keepResult(stores, schema, claim, {
    model: { version, artifact, calibration, trainedAtMs: asOfMs, report, origin, driftReference },
    verdict: gate.verdict,
    report: { verdict: gate.verdict, reasons: gate.reasons, gate, rehearsal: shortRehearsal(rehearsal), training: report },
    championEpoch: decides.epoch,
  });
  log.say(`training run ${run.id}: ${version}, ${gate.verdict}: ${gate.reasons.join('; ')}`);
  if (conflict !== null) log.say(`training run ${run.id}: ${version} stays a candidate: ${conflict}`);
  if (config.training.gate.approvalRequired && gate.verdict === 'await-approval')
    log.say(`"surprisal models promote ${version}" lets it decide`);
};

/** A figure for every scenario; the attacks one by one stay with the gate, which has compared them. */
const shortRehearsal = (rehearsal: Trained['rehearsal']) =>
  Object.fromEntries(
    Object.entries(rehearsal).map(([side, report]) => {
      if (!report) return [side, null];
      const { outcomes: _outcomes, ...short } = report;
      return [side, short];
    }),
  );

type Say = (step: string, share: number, message: string) => void;

/** Progress as rows: the newest of each half second, in order, and none after the run has ended. */
const eventsOf = ({ stores, log, signal }: TrainerGiven, claim: TrainingClaim): Say => {
  let last = { step: '', atMs: 0 };
  let writing = Promise.resolve();
  return (step, share, message) => {
    const atMs = performance.now();
    if (signal.aborted || (step === last.step && share < 1 && atMs - last.atMs < EVERY_MS.event)) return;
    last = { step, atMs };
    writing = writing
      .then(async () => void (await stores.runs.event(claim, { step, share, message })))
      .catch(log.warnOf('training event'));
  };
};

interface TrainedRun {
  readonly trained: Trained;
  readonly read: HistoryRead;
  readonly asOfMs: number;
  readonly version: string;
}

const train = async (
  { stores, schema, config, signal, log }: TrainerGiven,
  claim: TrainingClaim,
  run: TrainingRun,
  champion: StoredModel,
  say: Say,
): Promise<TrainedRun> => {
  const newestMs = await stores.queries.newestEventMs();
  if (newestMs === null) throw new InputError('no transaction is stored yet: there is nothing to train on');
  const asOfMs = newestMs + 1;
  const { trainDays, judgeDays, rowsMax } = config.training.history;
  const delayMs = (schema.label?.delayDays ?? 0) * DAY_MS;
  // Neither side is judged on rows that it was fitted on: a champion that was fitted later moves the slice.
  const borderMs = await storedJudgedFromMs(stores.dataSource, { asOfMs, delayMs, judgeDays });
  const trainToMs = Math.max(borderMs, fittedToMs(champion));
  const trainFromMs = trainToMs - trainDays * DAY_MS;
  const boundMs = await newestRowsFrom(stores.dataSource, asOfMs, rowsMax);
  if (boundMs !== null && boundMs > trainFromMs)
    throw new InputError(
      `more than training.history.rowsMax (${rowsMax}) transactions since ${new Date(trainFromMs).toISOString()}: ` +
        'raise it, or shorten trainDays',
    );
  // Features look back: windows of at most 30 days and the Markov filter's on top of the delay.
  const wantedMs = trainFromMs - delayMs - MARKOV_DAYS * DAY_MS;
  const fromMs = Math.max(wantedMs, boundMs ?? 0);
  const read: HistoryRead = { rows: 0, frauds: 0, fromMs, hash: '' };
  const history = readTrainingHistory(new HistoryStore(stores.dataSource), { fromMs, toMs: asOfMs }, read, (rows, atMs) =>
    say('history', (atMs - fromMs) / (asOfMs - fromMs), `${rows} transactions`),
  );
  let version = '';
  const trained = await trainInThread(
    history,
    (): TrainInput => {
      version = versionName(schema.name, asOfMs, { run: run.id, seed: run.seed, data: read.hash });
      stores.runs.data(claim, { fromMs: read.fromMs, toMs: asOfMs, hash: read.hash }).catch(log.warnOf('training data'));
      return {
        schema,
        trainFromMs,
        trainToMs,
        asOfMs,
        policy: config.policy,
        parameters: config.models,
        estimators: defaultEstimators(schema),
        version,
        featuresOf: champion.artifact,
        augment: config.training.augment,
        drift: config.training.drift,
        champion: {
          version: champion.version.version,
          artifact: champion.artifact,
          isPrior: isPriorModel(champion.version),
        },
        gate: config.training.gate,
        rehearsal: config.training.rehearsal,
      };
    },
    {
      seed: run.seed,
      backend: config.tensorBackend,
      onProgress: (step, { share, message }) => say(step, share, message),
      signal,
    },
  );
  return { trained, read, asOfMs, version };
};

/** 0 for a version of an earlier build, which did not say. */
const fittedToMs = ({ version }: StoredModel): number => {
  const { trainToMs } = version.report;
  return typeof trainToMs === 'number' ? trainToMs : 0;
};
