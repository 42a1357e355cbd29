import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { writeHistory } from '../../bench/throughput-world.js';
import { packageRoot } from '../../src/config.js';
import { createWorld, LABEL_DELAY_DAYS, type World } from '../../src/synthetic/world.js';
import { BrokerProcess } from './broker-process.js';
import { PostgresProcess } from './postgres-process.js';

const run = promisify(execFile);
export const SURPRISAL = join(packageRoot, 'bin', 'surprisal.js');
/** Days that the model is fitted on; the records are of the days after them. */
export const HISTORY_DAYS = 12;
const TEMPLATE = 'fitted';

/** Fitted with few steps: what it scores does not matter here, that it always scores the same does. */
const SETTINGS = {
  SURPRISAL__POLICY__BUDGET__SHARE: '0.03',
  SURPRISAL__MODELS__AUTOREGRESSIVE__STEPS_MIN: '100',
  SURPRISAL__MODELS__AUTOREGRESSIVE__EPOCHS: '1',
};

/** What all runs of the suite share: a broker and a server of its own, and a database with a champion to copy. */
export interface Stage {
  readonly folder: string;
  readonly broker: BrokerProcess;
  readonly postgres: PostgresProcess;
  readonly world: World;
  /** Environment of the programs, without database and broker. */
  readonly environment: Readonly<Record<string, string>>;
  /** A fresh database in which model, calibration and policy are pinned. Answers its URL. */
  createDatabase(name: string): Promise<string>;
  /** @param keepFolder leaves data and logs for a look */
  tearDown(keepFolder: boolean): Promise<void>;
}

export const setUpStage = async (customers: number): Promise<Stage> => {
  const folder = await mkdtemp(join(tmpdir(), 'surprisal-faults-'));
  // As root the database server runs as another user, who must be able to pass.
  await chmod(folder, 0o755);
  const { PATH, HOME } = process.env as Record<string, string>;
  const environment = { PATH: PATH!, HOME: HOME!, SURPRISAL_HOME: join(folder, 'home'), PORT: '0', ...SETTINGS };
  const startMs = Date.UTC(2025, 0, 1);
  const world = createWorld({ seed: 1, customers, merchants: 300, startMs, labelDelayDays: LABEL_DELAY_DAYS });
  const servers: { stop(): Promise<void> }[] = [];
  const started = <T extends { stop(): Promise<void> }>(server: T): T => {
    servers.push(server);
    return server;
  };
  const tearDown = async (keepFolder: boolean): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
    if (!keepFolder) await rm(folder, { recursive: true, force: true });
  };
  try {
    const broker = started(await BrokerProcess.start(join(folder, 'broker')));
    const postgres = started(await PostgresProcess.start(join(folder, 'server')));
    await fit(folder, world, environment);
    await promote(folder, await postgres.createDatabase(TEMPLATE), environment);
    const createDatabase = (name: string): Promise<string> => postgres.createDatabase(name, TEMPLATE);
    return { folder, broker, postgres, world, environment, createDatabase, tearDown };
  } catch (error) {
    await tearDown(false);
    throw error;
  }
};

const fit = async (folder: string, world: World, env: Record<string, string>): Promise<void> => {
  const data = join(folder, 'history.csv');
  await writeHistory(world, HISTORY_DAYS, data);
  await run(process.execPath, [SURPRISAL, 'fit', '--schema', 'demo', '--data', data, '--out', join(folder, 'model')], {
    env,
    maxBuffer: 1 << 26,
  });
};

/** The calibration is pinned by its lease: held by nobody who works, no service may build the next one. */
const promote = async (folder: string, url: string, env: Record<string, string>): Promise<void> => {
  const args = [SURPRISAL, 'models', 'promote', '--model', join(folder, 'model')];
  await run(process.execPath, args, { env: { ...env, DATABASE_URL: url } });
  const database = new pg.Client({ connectionString: url });
  await database.connect();
  await database.query(`INSERT INTO leases VALUES ('calibration', 'the fault suite', 1, 'infinity')`);
  await database.end();
};
