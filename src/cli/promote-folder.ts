import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, type Config } from '../config.js';
import { readModelFolder, type LineMemory } from './model-folder.js';
import { saveScoringModel } from '../scoring/scoring-model.js';
import { openDatabase } from '../service-database.js';
import { createStores, installChampion, type Stores } from '../service-stores.js';
import type { ChangedBy } from '../store/role-changes.js';
import { createTensorBackend } from '../tensor-backend.js';

export interface Promoted {
  readonly champion: string;
  readonly schema: string;
  /** What became of the memory that the folder holds. */
  readonly note: string;
}

/** Stores a model that `fit` wrote, with its calibration, and makes it the champion. */
export const promoteFolder = async (
  folder: string,
  config: Config,
  by: ChangedBy,
  note: (line: string) => void,
): Promise<Promoted> => {
  const backend = await createTensorBackend(config.tensorBackend, note);
  const { model, calibration, memory } = await readModelFolder(folder, backend);
  const { schema } = model.featureSet;
  const database = await openDatabase(config, () => undefined, true);
  try {
    const stores = createStores(database.dataSource, schema, false, config.signingKey);
    const artifact = saveScoringModel(model);
    // Memory first: a running service changes over when the role does.
    const remembered = await seedMemory(stores, model.featureSet.id, memory);
    const trained = { version: model.version, artifact, calibration, trainedAtMs: Date.now(), report: await reportOf(folder) };
    await installChampion(stores, trained, by);
    return { champion: model.version, schema: schema.name, note: remembered };
  } finally {
    await database.close();
  }
};

/** What `fit` said of it; a folder that lost the page for people has nothing to say. */
const reportOf = async (folder: string): Promise<object> => {
  try {
    const report: unknown = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8'));
    return typeof report === 'object' && report !== null ? report : {};
  } catch {
    return {};
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
