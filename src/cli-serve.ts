import { Option, type Command } from 'commander';
import { configOption, positiveNumber, wholeNumber } from './command-io.js';
import type { LineMemory } from './model-folder.js';
import type { ScoringStore } from './scoring/ports.js';
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
  const { model, calibration, memory } = await readModelFolder(folder, createTensorBackend(config.tensorBackend));
  const { schema } = model.featureSet;
  const database = await openDatabase(config, () => undefined);
  try {
    const stores = createStores(database.dataSource, schema, false);
    const artifact = saveScoringModel(model);
    await installChampion(stores, { version: model.version, artifact, calibration, trainedAtMs: Date.now(), report: {} });
    const remembered = await seedMemory(stores.scoring, model.featureSet.id, memory);
    const answer = { champion: model.version, schema: schema.name, note: remembered };
    process.stdout.write(
      json ? `${JSON.stringify(answer)}\n` : `${model.version} is the champion of schema ${schema.name}; ${remembered}\n`,
    );
  } finally {
    await database.close();
  }
};

const STATES_A_COMMIT = 500;

/**
 * What the line remembered at the end of the data that was fitted on: without it every customer is new and the first days
 * raise very many alerts. A database that remembers customers already keeps its own memory.
 */
const seedMemory = async (store: ScoringStore, featureSet: string, memory: LineMemory): Promise<string> => {
  const ids = memory.states.map((state) => state.entityId);
  const keys = { featureSet, transactionIds: [], secondary: [], evidenceFromMs: 0, evidenceToMs: 0 };
  for (let from = 0; from < ids.length; from += STATES_A_COMMIT) {
    const stored = await store.read({ ...keys, primaryIds: ids.slice(from, from + STATES_A_COMMIT) });
    if (stored.states.length > 0) return 'the memory of this database is kept';
  }
  const nothing = {
    rows: [],
    alerts: [],
    deadLetters: [],
    repeats: [],
    featureSet,
    source: { kind: 'direct', name: 'promote' } as const,
  };
  for (let from = 0; from < ids.length; from += STATES_A_COMMIT) {
    const states = memory.states.slice(from, from + STATES_A_COMMIT).map((state) => ({ ...state, version: 0 }));
    const committed = await store.commit({ ...nothing, states, evidence: from === 0 ? memory.evidence : [] });
    if (committed !== 'committed') throw new Error('the service is writing to this database; stop it and promote again');
  }
  return `it remembers ${ids.length} primary entities`;
};
