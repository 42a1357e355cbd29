import { InvalidArgumentError, Option, type Command } from 'commander';
import { DETECTOR_NAMES } from './chosen-detectors.js';
import type { BacktestOptions } from './backtest-data.js';
import type { HistoryBacktestOptions } from './backtest-history.js';
import { cancellable, configOption, EXIT_CODES, positiveNumber, wholeNumber, withProcessIo } from './command-io.js';
import { loadConfig } from '../config.js';
import { UsageError } from '../usage-error.js';

const HISTORY_OPTIONS = ['from', 'to', 'model', 'policy', 'topic', 'fromOffset', 'toOffset', 'keep', 'flips'];
const FILE_OPTIONS = [...['start', 'trainDays', 'delayDays', 'testDays', 'features', 'detector', 'holdOut', 'seed', 'scores']];

const FORMS = `
Over stored history (--from, --to) a stored model is replayed from one time to another in a database schema of its own, beside
what was decided live. Over a file (--data, --schema, --start) models are trained on its first days and judged on its last.
`;

export const register = (program: Command): void => {
  program
    .command('backtest')
    .description('replay a stream through the online line: labels come after their delay, calibrations roll daily')
    .option('--from <time>', 'stored history: first day, or time, YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ (UTC)', timeOf)
    .option('--to <time>', 'the day, or time, before which it ends', timeOf)
    .option('--model <version>', 'stored model version; default: the champion')
    .option('--policy <file>', "policy file of the form of policy.yaml; default: the configuration's")
    .option('--budget <share>', "share of traffic to alert on, instead of the policy's", positiveNumber(0.5))
    .option('--topic [name]', "read the span's records from Kafka, by default the topic of transactions")
    .option(
      '--from-offset <partition:offset...>',
      'first offsets to read; default: the first records that were sent from --from on',
    )
    .option('--to-offset <partition:offset...>', 'offsets to stop before; default: the end of the topic as it is')
    .option('--flips <file>', 'write what only one of backtest and live alerted on as CSV')
    .option('--keep', 'leave the database schema with every row and alert of the backtest')
    .option('--data <file>', 'CSV file with a header, plain or gzip; what lies before the start feeds the features')
    .option('--schema <name>', 'shipped transaction schema or the path of one; default: the only one of the database')
    .option('--start <date>', 'file: first day of training, YYYY-MM-DD (UTC)')
    .option('--train-days <n>', 'days of training', wholeNumber(1, 365), 7)
    .option('--delay-days <n>', 'days until labels are known; counts instead of what the schema says', wholeNumber(0, 365), 7)
    .option('--test-days <n>', 'days of test', wholeNumber(1, 365), 7)
    .addOption(new Option('--features <set>', "feature set; default: the schema's").choices(['columns', 'rfm', 'full']))
    .option('--detector <name...>', "detectors to fit, at most one per channel; default: the schema's")
    .option('--hold-out <column=value>', 'fraud type that leaves training and counts in the test')
    .option('--seed <n>', 'seed of training', wholeNumber(0, 2 ** 32 - 1), 0)
    .option('--scores <file>', 'write the judged rows as CSV: id, score, score_<channel>')
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', `${FORMS}\nDetectors: ${DETECTOR_NAMES}${EXIT_CODES}`)
    .action((options: Partial<BacktestOptions & HistoryBacktestOptions>, command: Command) =>
      withProcessIo(async (io) => {
        refuseMixed(command);
        // Loaded when it is wanted: one needs a database, the other models.
        if (options.data === undefined) {
          const { runHistoryBacktest } = await import('./backtest-history.js');
          const given = required(options, ['from', 'to']);
          return cancellable((signal) => runHistoryBacktest(given, loadConfig(options.config), io, signal));
        }
        const { runBacktest } = await import('./backtest-data.js');
        const { secondThread } = await import('../threads/training-thread.js');
        const given = required(options, ['schema', 'start', 'data', 'trainDays', 'delayDays', 'testDays', 'seed']);
        const config = loadConfig(options.config);
        return runBacktest(given, config, io, secondThread(given.seed, config.tensorBackend));
      }),
    );
};

const flagOf = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** @throws UsageError where an option of one form is given with the other */
const refuseMixed = (command: Command): void => {
  const given = (names: readonly string[]) => names.find((name) => command.getOptionValueSource(name) === 'cli');
  const isFile = command.getOptionValueSource('data') === 'cli';
  const stray = given(isFile ? HISTORY_OPTIONS : FILE_OPTIONS);
  if (stray === undefined) return;
  throw new UsageError(
    isFile
      ? `${flagOf(stray)} is for stored history and does not go with --data`
      : `${flagOf(stray)} is for a file and goes with --data only`,
  );
};

const required = <Options extends object, Name extends keyof Options & string>(
  options: Options,
  names: readonly Name[],
): Options & Required<Pick<Options, Name>> => {
  const missing = names.find((name) => options[name] === undefined);
  if (missing !== undefined)
    throw new UsageError(
      `${flagOf(missing)} is missing: backtest needs --from and --to for stored history, or --data, --schema and --start for a file`,
    );
  return options as Options & Required<Pick<Options, Name>>;
};

/** Commander's parser of a day or a time of it in UTC, to epoch milliseconds. */
function timeOf(text: string): number {
  const isDay = /^\d{4}-\d\d-\d\d$/.test(text);
  const ms = isDay || /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z$/.test(text) ? Date.parse(text) : NaN;
  // The round trip refuses days that a month does not have.
  if (Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(text.slice(0, 16)))
    throw new InvalidArgumentError('expected YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ.');
  return ms;
}
