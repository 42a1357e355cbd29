import type { Command } from 'commander';
import { withDatabase } from './command-database.js';
import { configOption, EXIT_CODES, textTable, wholeNumber, withProcessIo, type CommandIo } from './command-io.js';
import { loadConfig, type Config } from '../config.js';
import type { ComparedVersion, CountedShare, Flip, FlipGroup, VersionComparison } from '../domain/version-comparison.js';
import { readFeatureSet } from '../scoring/scoring-model.js';
import { createModelStores } from '../service-stores.js';
import { PostgresShadowStore } from '../store/shadow.store.js';
import { StoredVersionComparer } from '../version-comparer.js';

const DAYS_MAX = 60;

export interface CompareOptions {
  readonly days: number;
  readonly config?: string;
  readonly json?: boolean;
}

/** @param models the `models` command */
export const registerCompare = (models: Command): void => {
  models
    .command('compare')
    .description('what two versions said of the same live rows: agreement, flips, expected alerts, frauds caught')
    .argument('<a>', 'model version')
    .argument('<b>', 'another one: a challenger of the time that a was champion, or the reverse')
    .option('--days <n>', `days of event time, counted back from the newest event, 1 to ${DAYS_MAX}`, wholeNumber(1, DAYS_MAX), 7)
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXIT_CODES)
    .action((a: string, b: string, options: CompareOptions) =>
      withProcessIo((io) => compare(a, b, options, loadConfig(options.config), io)),
    );
};

/** The `models compare` command. @throws UsageError for wrong use */
export const compare = async (
  a: string,
  b: string,
  { days, json }: CompareOptions,
  config: Config,
  io: CommandIo,
): Promise<void> => {
  const comparison = await withDatabase(config, io, async (dataSource) => {
    const stores = { ...createModelStores(dataSource, config.signingKey), shadows: new PostgresShadowStore(dataSource) };
    const { schema } = readFeatureSet((await stores.models.load(a)).artifact);
    return new StoredVersionComparer(schema, stores, config.policy).compare(a, b, days);
  });
  await io.write(json ? `${JSON.stringify(comparison)}\n` : pageOf(comparison));
};

const pageOf = (comparison: VersionComparison): string => {
  const { a, b, rows, undecided, everyNth, rowsPerDay, budgetPerDay } = comparison;
  const versions = `${a.version} (a) and ${b.version} (b)`;
  const heading = `${versions}, ${comparison.from.slice(0, 16)} to ${comparison.to.slice(0, 16)}\n`;
  const lacking = undecided === 0 ? '' : `${undecided} rows more had no calibration of one of them\n`;
  if (rows === 0) return `${versions}\nno row that both decided\n${lacking}`;
  const sample = everyNth === 1 ? '' : `, every ${everyNth}th`;
  return [
    heading,
    `${rows} rows that both decided${sample}, ${rounded(rowsPerDay)} a day; budget ${rounded(budgetPerDay)} alerts a day\n`,
    lacking,
    `rank correlation ${comparison.rankCorrelation?.toFixed(4) ?? '-'}, same decision ${percent(comparison.sameDecision)}, `,
    `alerts of both ${comparison.alertsOfBoth}\n\n`,
    textTable(['version', 'alerts', 'a day', 'known frauds caught', 'false alarms'], [cells('a', a), cells('b', b)]),
    flipTable('only a alerts', comparison.onlyA, ['a', 'b']),
    flipTable('only b alerts', comparison.onlyB, ['a', 'b']),
  ].join('');
};

const cells = (name: string, { alerts, alertsPerDay, caughtFrauds, falseAlarms }: ComparedVersion): string[] => [
  name,
  percent(alerts),
  rounded(alertsPerDay),
  percent(caughtFrauds),
  percent(falseAlarms),
];

/** @param sides names of the two */
export const flipTable = (
  title: string,
  { rows, frauds, legitimate, examples }: FlipGroup,
  sides: readonly [string, string],
): string => {
  const heading = `\n${title}: ${rows} rows, known as fraud ${frauds}, as legitimate ${legitimate}\n`;
  if (examples.length === 0) return heading;
  const header = ['transaction', 'occurred', 'entities', 'amount', 'known as', ...sides];
  const reasons = examples.flatMap(({ transactionId, a, b }) => {
    const reason = a.reason ?? b.reason;
    return reason === null ? [] : `${transactionId}: ${reason}\n`;
  });
  return [heading, textTable(header, examples.map(flipCells)), ...reasons].join('');
};

const flipCells = ({ transactionId, occurredAt, entities, amount, currency, label, a, b }: Flip): string[] => [
  transactionId,
  occurredAt.slice(0, 16),
  Object.values(entities).join(' '),
  amount === null ? '-' : `${amount} ${currency ?? ''}`.trim(),
  label ?? '-',
  ...[a, b].map(
    ({ outcome, lane, minusLog10P }) => `${outcome}${lane ? ` ${lane}` : ''} p=${(10 ** -minusLog10P).toPrecision(2)}`,
  ),
];

const percent = ({ share, low, high, count, of }: CountedShare): string => {
  if (share === null) return '-';
  const of100 = (value: number): string => (100 * value).toPrecision(3);
  return `${count} of ${of} = ${of100(share)} % (${of100(low)} to ${of100(high)})`;
};

const rounded = (value: number | null): string => (value === null ? '-' : value.toFixed(value < 100 ? 1 : 0));
