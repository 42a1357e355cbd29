import type { Command } from 'commander';
import { schemaNameOf, schemaOption, withDatabase } from './command-database.js';
import { configOption, EXIT_CODES, textTable, wholeNumber, withProcessIo, type CommandIo } from './command-io.js';
import { loadConfig, type Config } from '../config.js';
import type { DriftView } from '../store/drift-view.js';
import { DriftStore } from '../store/drift.store.js';
import { PAGE_MAX } from '../store/paging.js';
import type { DriftReport } from '../training/ports.js';

export interface DriftOptions {
  readonly config?: string;
  readonly schema?: string;
  readonly json?: boolean;
  readonly days: number;
}

export const register = (program: Command): void => {
  program
    .command('drift')
    .description('what has drifted since the champion was trained; the service looks at each event day that has closed')
    .addOption(schemaOption())
    .option('--days <n>', `newest days that are listed, 1 to ${PAGE_MAX}`, wholeNumber(1, PAGE_MAX), 14)
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXIT_CODES)
    .action((options: DriftOptions) => withProcessIo((io) => showDrift(options, loadConfig(options.config), io)));
};

/** The `drift` command. @throws UsageError for wrong use */
export const showDrift = (options: DriftOptions, config: Config, io: CommandIo): Promise<void> =>
  withDatabase(config, io, async (dataSource) => {
    const view = await new DriftStore(dataSource).view(await schemaNameOf(dataSource, options), options.days);
    await io.write(options.json ? `${JSON.stringify(view)}\n` : `${driftText(view)}\n`);
  });

/** The newest day in sentences, then the days before. */
export const driftText = ({ champion, reference, note, alarms, report, days }: DriftView): string => {
  if (champion === null) return 'there is no champion: nothing is watched';
  const against = reference ? `held against ${reference.madeFrom} of ${reference.from} to ${reference.to}` : 'not judged yet';
  const newest = report as DriftReport | null;
  const others = newest?.findings.filter(({ isAlarm }) => !isAlarm) ?? [];
  return [
    `${champion}: ${against}`,
    ...(note === null ? [] : [note]),
    ...(days[0]
      ? [`newest day ${days[0].date}: ${alarms.length} alarms, ${others.length} other findings`]
      : ['no day was judged yet']),
    ...alarms.map(({ since, kind, sentence }) => `  alarm since ${since} (${kind}): ${sentence}`),
    ...others.map(({ kind, sentence }) => `  finding (${kind}): ${sentence}`),
    ...(newest?.notJudged.map((reason) => `  not judged: ${reason}`) ?? []),
    ...(days.length === 0
      ? []
      : [
          '',
          textTable(
            ['day', 'model', 'findings', 'alarms'],
            days.map(({ date, model, findings, alarms: count }) => [date, model, String(findings), String(count)]),
          ).trimEnd(),
        ]),
  ].join('\n');
};
