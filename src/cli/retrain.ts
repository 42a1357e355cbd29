import { setTimeout as sleep } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import { stringify } from 'yaml';
import { byOption, schemaNameOf, schemaOption, whyOption, withDatabase } from './command-database.js';
import { cancellable, configOption, EXIT_CODES, wholeNumber, withProcessIo, writePage, type CommandIo } from './command-io.js';
import { loadConfig, type Config } from '../config.js';
import { PAGE_MAX } from '../store/paging.js';
import { NotStoredError } from '../store/state-conflict.js';
import { PostgresTrainingRunStore } from '../store/training-run.store.js';
import { hasEnded, TRAINING_STATES, type TrainingRun, type TrainingRunStore, type TrainingState } from '../training/ports.js';
import { UsageError } from '../usage-error.js';

const POLL_MS = 500;
const EVENTS_AT_ONCE = 200;
/** A run that nobody has taken by then may wait for a trainer that does not run. */
const PATIENCE_MS = 10_000;

interface Configured {
  readonly config?: string;
  readonly json?: boolean;
}

export interface RetrainOptions extends Configured {
  readonly schema?: string;
  readonly by: string;
  readonly why: string;
  readonly seed?: number;
  readonly wait?: boolean;
}

export interface RunListOptions extends Configured {
  readonly schema?: string;
  readonly state?: TrainingState;
  readonly limit: number;
  readonly cursor?: string;
}

export const register = (program: Command): void => {
  program
    .command('retrain')
    .description('asks for a training run, which a trainer of the service carries out; asking again answers the one that waits')
    .addOption(schemaOption())
    .option('--seed <n>', "seed of everything that is drawn; default: the run's number", wholeNumber(0, 2 ** 32 - 1))
    .addOption(byOption())
    .addOption(whyOption())
    .option('--wait', 'follow it to its end; Ctrl-C ends the waiting, not the run')
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXIT_CODES)
    .action((options: RetrainOptions) => withProcessIo((io) => startRun(options, loadConfig(options.config), io)));
  const runs = program.command('runs').description('training runs');
  runs
    .command('list')
    .description('lists them, newest first')
    .addOption(schemaOption())
    .addOption(new Option('--state <state>', 'only those').choices(TRAINING_STATES))
    .option('--limit <n>', `runs a page, 1 to ${PAGE_MAX}`, wholeNumber(1, PAGE_MAX), 50)
    .option('--cursor <text>', 'the page after the one that ended with this')
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXIT_CODES)
    .action((options: RunListOptions) => withProcessIo((io) => listRuns(options, loadConfig(options.config), io)));
  ofRun(runs.command('show'), 'one run: its data, its report, or why it ended').action((id: string, options: Configured) =>
    withProcessIo((io) => showRun(id, options, loadConfig(options.config), io)),
  );
  ofRun(runs.command('cancel'), 'cancels a run that waits, or tells one that runs to end')
    .addOption(byOption())
    .action((id: string, options: Configured & { by: string }) =>
      withProcessIo((io) => cancelRun(id, options, loadConfig(options.config), io)),
    );
  ofRun(runs.command('retry'), 'asks once more for a run that failed, was cancelled or was lost: its seed, its settings')
    .addOption(byOption())
    .option('--wait', 'follow it to its end; Ctrl-C ends the waiting, not the run')
    .action((id: string, options: Configured & { by: string; wait?: boolean }) =>
      withProcessIo((io) => retryRun(id, options, loadConfig(options.config), io)),
    );
};

const ofRun = (command: Command, description: string): Command =>
  command
    .description(description)
    .argument('<run>', 'number of the run')
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXIT_CODES);

/** The `retrain` command. @throws UsageError for wrong use; Error when it was waited for and made no version */
export const startRun = (options: RetrainOptions, config: Config, io: CommandIo): Promise<void> =>
  withDatabase(config, io, async (dataSource) => {
    const { by, why, seed } = options;
    const schema = await schemaNameOf(dataSource, options);
    const store = new PostgresTrainingRunStore(dataSource);
    const request = { schema, trigger: 'manual' as const, by, why, ...(seed !== undefined && { seed }) };
    const { run, isNew } = await store.enqueue(request);
    if (!isNew) io.progress.note(`run ${run.id}, which ${run.requestedBy} asked for, waits already`);
    await answer(store, run, options, io);
  });

/** The `runs retry` command. @throws as `startRun` */
export const retryRun = (
  id: string,
  options: Configured & { readonly by: string; readonly wait?: boolean },
  config: Config,
  io: CommandIo,
): Promise<void> =>
  withDatabase(config, io, async (dataSource) => {
    const store = new PostgresTrainingRunStore(dataSource);
    await answer(store, (await store.retry(numbered(id), options.by)).run, options, io);
  });

/** The `runs cancel` command. @throws UsageError when there is none; Error when it has ended */
export const cancelRun = (
  id: string,
  options: Configured & { readonly by: string },
  config: Config,
  io: CommandIo,
): Promise<void> =>
  withDatabase(config, io, async (dataSource) => {
    const run = await new PostgresTrainingRunStore(dataSource).cancel(numbered(id), options.by);
    const sentence = run.state === 'cancelled' ? `run ${id} is cancelled` : `run ${id} is told to end`;
    await io.write(options.json ? `${JSON.stringify(run)}\n` : `${sentence}\n`);
  });

/** The `runs show` command. @throws UsageError when there is none */
export const showRun = (id: string, { json }: Configured, config: Config, io: CommandIo): Promise<void> =>
  withDatabase(config, io, async (dataSource) => {
    const run = await new PostgresTrainingRunStore(dataSource).run(numbered(id));
    if (!run) throw new NotStoredError(`there is no training run ${id}; "surprisal runs list" lists them`);
    await io.write(json ? `${JSON.stringify(run)}\n` : stringify(run));
  });

/** The `runs list` command. @throws UsageError for wrong use */
export const listRuns = (options: RunListOptions, config: Config, io: CommandIo): Promise<void> =>
  withDatabase(config, io, async (dataSource) => {
    const { schema, state, limit, cursor, json } = options;
    const page = await new PostgresTrainingRunStore(dataSource).list({
      limit,
      ...(schema !== undefined && { schema: await schemaNameOf(dataSource, options) }),
      ...(state && { state }),
      ...(cursor !== undefined && { cursor }),
    });
    const header = ['run', 'state', 'trigger', 'asked for', 'by', 'data to', 'version or why not'];
    await writePage(io, page, { json: json === true, header, cells });
  });

const cells = (run: TrainingRun): string[] => [
  run.id,
  run.state,
  run.trigger,
  run.requestedAt.slice(0, 19),
  run.requestedBy,
  run.data?.to.slice(0, 19) ?? '-',
  run.version ?? run.error ?? '-',
];

const numbered = (id: string): string => {
  if (/^\d{1,18}$/.test(id)) return id;
  throw new UsageError(`"${id}" is not the number of a training run; "surprisal runs list" lists them`);
};

const answer = async (
  store: TrainingRunStore,
  asked: TrainingRun,
  { wait, json }: { readonly wait?: boolean; readonly json?: boolean },
  io: CommandIo,
): Promise<void> => {
  const run = wait ? await cancellable((signal) => followRun(store, asked, io, signal)) : asked;
  io.progress.stop();
  await io.write(json ? `${JSON.stringify(run)}\n` : `${sentence(run)}\n`);
  if (hasEnded(run.state) && run.state !== 'succeeded')
    throw new Error(
      `training run ${run.id} ${run.state === 'failed' ? 'failed' : `was ${run.state}`}: ${run.error ?? 'no reason given'}`,
    );
};

const STATE: Readonly<Record<Exclude<TrainingRun['state'], 'succeeded'>, string>> = {
  queued: 'waits for a trainer',
  running: 'is running',
  failed: 'failed',
  cancelled: 'was cancelled',
  lost: 'was lost',
};

const sentence = ({ id, state, version }: TrainingRun): string => {
  if (state === 'succeeded') return `run ${id} succeeded: ${version ?? 'no version'}`;
  return `run ${id} ${STATE[state]}`;
};

/** Shows a run's progress until it has ended, or the signal ends the waiting. */
const followRun = async (
  store: TrainingRunStore,
  asked: TrainingRun,
  io: CommandIo,
  signal: AbortSignal,
): Promise<TrainingRun> => {
  let run = asked;
  let sequence = 0;
  let isPatient = true;
  const startedAtMs = performance.now();
  while (!signal.aborted) {
    const now = await store.run(run.id);
    const events = await store.eventsAfter(run.id, sequence, EVENTS_AT_ONCE);
    for (const { step, share, message } of events) io.progress.report(step, share, message);
    sequence = events.at(-1)?.sequence ?? sequence;
    run = now ?? run;
    if (events.length === EVENTS_AT_ONCE) continue;
    if (hasEnded(run.state)) break;
    if (isPatient && run.state === 'queued' && performance.now() - startedAtMs > PATIENCE_MS) {
      isPatient = false;
      io.progress.note(`run ${run.id} still waits: is a service of role all or trainer running on this database?`);
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  return run;
};
