import type { Command } from 'commander';
import { configOption, EXIT_CODES, textTable, wholeNumber, withProcessIo, type CommandIo } from './command-io.js';
import { loadConfig, type Config } from '../config.js';
import { type FeatureMatrix, selectRows } from '../domain/feature-matrix.js';
import { cellTexts, type GenerativeSource, openSource, type SourceOptions } from './generative-source.js';
import type { Detector, LatentModel } from '../models/detector.js';
import { UsageError } from '../usage-error.js';

export interface InterpolateOptions extends SourceOptions {
  readonly data: string;
  readonly from: string;
  readonly to: string;
  readonly steps: number;
  readonly json?: boolean;
}

const DEFAULT_DETECTOR = 'flow';

export const register = (program: Command): void => {
  program
    .command('interpolate')
    .description('the path between two rows in the latent space of a flow or VAE, each step with its surprisal')
    .requiredOption('--data <file>', 'CSV file with a header, plain or gzip, that holds both rows')
    .option('--model <folder>', 'folder that "surprisal fit --out" wrote: its channel D; default: a fit on --data')
    .option('--label <column>', 'column with 1 for fraud, whose rows are not learnt from')
    .option('--schema <name>', 'shipped transaction schema or the path of one: its fields are the columns')
    .option('--detector <name>', `flow or VAE to fit; default: ${DEFAULT_DETECTOR}`)
    .requiredOption('--from <id>', 'id of the first row; without an id column its number, from 0')
    .requiredOption('--to <id>', 'id of the last row')
    .option('--steps <n>', 'rows of the path, both ends among them', wholeNumber(2, 1000), 9)
    .option('--seed <n>', 'of the fit', wholeNumber(0, 2 ** 31 - 1), 0)
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXIT_CODES)
    .action((options: InterpolateOptions) => withProcessIo((io) => interpolate(options, loadConfig(options.config), io)));
};

/** The `interpolate` command. @throws UsageError, InputError or ConfigError for wrong use */
export const interpolate = async (options: InterpolateOptions, config: Config, io: CommandIo): Promise<void> => {
  const fitted = options.model === undefined ? { ...options, detector: options.detector ?? DEFAULT_DETECTOR } : options;
  const source = await openSource(fitted, config, io, ({ ids }) => {
    rowNumber(ids, '--from', options.from);
    rowNumber(ids, '--to', options.to);
  });
  const { detector } = source;
  if (!isLatent(detector)) throw new UsageError(`detector ${detector.estimator} has no latent space; flows and VAEs have`);
  const path = detector.interpolate(rowOf(source, '--from', options.from), rowOf(source, '--to', options.to), options.steps);
  const surprisals = detector.score(path);
  io.progress.stop();
  const names = path.columns.map(({ name }) => name);
  const rows = Array.from(surprisals, (_, r) => cellTexts(path, r));
  if (options.json) {
    const steps = rows.map((cells, r) => ({
      row: Object.fromEntries(names.map((name, c) => [name, cells[c]!])),
      surprisal: surprisals[r]!,
    }));
    await io.write(`${JSON.stringify({ detector: detector.estimator, from: options.from, to: options.to, steps })}\n`);
    return;
  }
  const lines = rows.map((cells, r) => [String(r), ...cells.map(shown), surprisals[r]!.toFixed(2)]);
  await io.write(textTable(['step', ...names, 'surprisal'], lines));
};

const isLatent = (detector: Detector): detector is LatentModel => 'interpolate' in detector;

const rowNumber = (ids: readonly string[], option: string, id: string): number => {
  const row = ids.indexOf(id);
  if (row < 0) throw new UsageError(`${option} ${id}: the data have no row of this id`);
  return row;
};

const rowOf = ({ features, ids }: GenerativeSource, option: string, id: string): FeatureMatrix =>
  selectRows(features!, [rowNumber(ids, option, id)]);

const shown = (cell: string | number): string => (typeof cell === 'number' ? String(Number(cell.toPrecision(4))) : cell);
