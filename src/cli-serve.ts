import { Option, type Command } from 'commander';
import { ConfigError } from './config.js';
import { configOption, positiveNumber, wholeNumber } from './command-io.js';
import type { LineMemory } from './model-folder.js';
import type { Stores } from './service-stores.js';
import { ROLES, serve, type ServeOptions } from './serve.js';

export const register = (program: Command): void => {
  program
    .command('serve')
    .description('runs the service; without DATABASE_URL, KAFKA_BROKERS and --schema the demo')
    .addOption(
      new Option('--role <role>', 'all: HTTP, Kafka and the embedded database; api: HTTP; worker: Kafka')
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
    .action(migrate);
  program.command('openapi').description('prints the OpenAPI document of the HTTP API').action(openapi);
  const models = program.command('models').description('stored model versions');
  models
    .command('promote')
    .description('stores a model that "fit" wrote, with its calibration, and makes it the champion')
    .requiredOption('--model <folder>', 'folder that "surprisal fit --out" wrote')
    .addOption(configOption())
    .option('--json', 'print one JSON object')
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

interface PromoteOptions {
  readonly model: string;
  readonly config?: string;
  readonly json?: boolean;
}

const promote = async ({ model: folder, config: dir, json }: PromoteOptions): Promise<void> => {
  const { loadConfig } = await import('./config.js');
  const { readModelFolder } = await import('./model-folder.js');
  const { saveScoringModel } = await import('./scoring/scoring-model.js');
  const { createTensorBackend } = await import('./tensor-backend.js');
  const { openDatabase } = await import('./service-database.js');
  const { createStores, installChampion } = await import('./service-stores.js');
  const config = loadConfig(dir);
  const backend = await createTensorBackend(config.tensorBackend, (line) => void process.stderr.write(`${line}\n`));
  const { model, calibration, memory } = await readModelFolder(folder, backend);
  const { schema } = model.featureSet;
  const database = await openDatabase(config, () => undefined);
  try {
    const stores = createStores(database.dataSource, schema, false);
    const artifact = saveScoringModel(model);
    // Memory first: a running service changes over when the role does.
    const remembered = await seedMemory(stores, model.featureSet.id, memory);
    await installChampion(stores, { version: model.version, artifact, calibration, trainedAtMs: Date.now(), report: {} });
    const answer = { champion: model.version, schema: schema.name, note: remembered };
    process.stdout.write(
      json ? `${JSON.stringify(answer)}\n` : `${model.version} is the champion of schema ${schema.name}; ${remembered}\n`,
    );
  } finally {
    await database.close();
  }
};

/**
 * What the line remembered at the end of the data that was fitted on: without it every customer is new and the first days
 * raise very many alerts. It is brought into an empty database only; one that remembers keeps its own memory, which must be
 * of the same features.
 *
 * @throws ConfigError when the database remembers by other features
 */
const seedMemory = async (stores: Stores, featureSet: string, memory: LineMemory): Promise<string> => {
  const remembered = await stores.models.rememberedFeatureSets();
  if (remembered.includes(featureSet)) return 'the memory of this database is kept';
  if (remembered.length > 0 || (await stores.settings.hasTransactions()))
    throw new ConfigError(
      `this database remembers by the features ${remembered.join(', ') || 'of no model'}, the model by ${featureSet}: ` +
        'its states have to be built anew; promote it in an empty database and replay the history there',
    );
  const committed = await stores.scoring.commit({
    source: { kind: 'direct', name: 'promote' },
    featureSet,
    rows: [],
    states: memory.states.map((state) => ({ ...state, version: 0 })),
    evidence: memory.evidence,
    alerts: [],
    deadLetters: [],
    repeats: [],
  });
  if (committed !== 'committed') throw new Error('another program is writing to this database; stop it and promote again');
  return `it remembers ${memory.states.length} primary entities`;
};
