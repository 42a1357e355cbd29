import { Option, type Command } from 'commander';
import { configOption, positiveNumber, wholeNumber, withProcessIo, type CommandIo } from './command-io.js';
import { ROLES, serve, type ServeOptions } from '../serve.js';

export const register = (program: Command): void => {
  program
    .command('serve')
    .description('runs the service; without DATABASE_URL, KAFKA_BROKERS and --schema the demo')
    .addOption(
      new Option(
        '--role <role>',
        'all: HTTP, Kafka, training and the embedded database; api: HTTP; worker: Kafka; trainer: training',
      )
        .choices(ROLES)
        .default('all'),
    )
    .option('--schema <name>', 'shipped transaction schema or the path of one')
    .addOption(configOption())
    .option('--demo', 'the seeded demo, in a database of its own')
    .option('--seed <n>', 'seed of the demo world', wholeNumber(0, 2 ** 32 - 1))
    .option('--seconds-per-day <n>', 'pace of the simulated clock of the demo', positiveNumber())
    .action((options: ServeOptions) => serve(options));
  program
    .command('migrate')
    .description('brings the tables of DATABASE_URL (or of the embedded database) up to date')
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .action((options: Configured) => withProcessIo((io) => migrate(options, io)));
  program
    .command('openapi')
    .description('prints the OpenAPI document of the HTTP API')
    .action(() => withProcessIo(openapi));
};

interface Configured {
  readonly config?: string;
  readonly json?: boolean;
}

const migrate = async ({ config: dir, json }: Configured, io: CommandIo): Promise<void> => {
  const [{ loadConfig }, { openDatabase }] = await Promise.all([import('../config.js'), import('../service-database.js')]);
  const lines: string[] = [];
  const database = await openDatabase(loadConfig(dir), (line) => lines.push(line));
  await database.close();
  await io.write(
    json ? `${JSON.stringify({ done: true, notes: lines })}\n` : `${[...lines, 'the tables are up to date'].join('\n')}\n`,
  );
};

const openapi = async (io: CommandIo): Promise<void> => {
  const { openApi } = await import('../api/openapi.js');
  await io.write(`${JSON.stringify(openApi(), null, 2)}\n`);
};
