import { InvalidArgumentError, Option, type Command } from 'commander';
import { wholeNumber } from './command-io.js';
import { ROLES, serve, type ServeOptions } from './serve.js';

const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number above 0.');
  return value;
};

export const register = (program: Command): void => {
  program
    .command('serve')
    .description('runs the service; without DATABASE_URL, KAFKA_BROKERS and --schema the demo')
    .addOption(
      new Option('--role <role>', 'all: HTTP, Kafka and the embedded database; api: HTTP; worker: Kafka')
        .choices(ROLES)
        .default('all'),
    )
    .option('--schema <name or file>', 'transaction schema to serve')
    .option('--config <dir>', 'folder of policy.yaml, models.yaml, service.yaml and schemas/')
    .option('--demo', 'the seeded demo, in a database of its own')
    .option('--seed <n>', 'seed of the demo world', wholeNumber(0, 2 ** 32 - 1))
    .option('--seconds-per-day <n>', 'pace of the demo’s simulated clock', positive)
    .action((options: ServeOptions) => serve(options));
  program
    .command('migrate')
    .description('brings the tables of DATABASE_URL (or of the embedded database) up to date')
    .option('--config <dir>', 'folder of configuration')
    .option('--json', 'one JSON object on stdout')
    .action(migrate);
  program.command('openapi').description('prints the OpenAPI document of the HTTP API').action(openapi);
  const models = program.command('models').description('stored model versions');
  models
    .command('promote')
    .description('stores a model that "fit" wrote, with its calibration, and makes it the champion')
    .requiredOption('--model <dir>', 'folder that "surprisal fit --out" wrote')
    .option('--config <dir>', 'folder of configuration')
    .action(promote);
};

const migrate = async ({ config: dir, json }: { config?: string; json?: boolean }): Promise<void> => {
  const [{ loadConfig }, { openDatabase }] = await Promise.all([import('./config.js'), import('./service-database.js')]);
  const lines: string[] = [];
  const database = await openDatabase(loadConfig(dir), (line) => lines.push(line));
  await database.close();
  process.stdout.write(
    json ? `${JSON.stringify({ done: true, notes: lines })}\n` : `${[...lines, 'the tables are up to date'].join('\n')}\n`,
  );
};

const openapi = async (): Promise<void> => {
  const { openApi } = await import('./api/openapi.js');
  process.stdout.write(`${JSON.stringify(openApi(), null, 2)}\n`);
};

const promote = async ({ model: folder, config: dir }: { model: string; config?: string }): Promise<void> => {
  const { loadConfig } = await import('./config.js');
  const { readModelFolder } = await import('./model-folder.js');
  const { saveScoringModel } = await import('./scoring/scoring-model.js');
  const { createTensorBackend } = await import('./tensor-backend.js');
  const { openDatabase } = await import('./service-database.js');
  const { createStores, installChampion } = await import('./service-stores.js');
  const config = loadConfig(dir);
  const { model, calibration } = await readModelFolder(folder, createTensorBackend(config.tensorBackend));
  const { schema } = model.featureSet;
  const database = await openDatabase(config, () => undefined);
  try {
    const stores = createStores(database.dataSource, schema);
    const artifact = saveScoringModel(model);
    await installChampion(stores, { version: model.version, artifact, calibration, trainedAtMs: Date.now(), report: {} });
    process.stdout.write(`${model.version} is the champion of schema ${schema.name}\n`);
  } finally {
    await database.close();
  }
};
