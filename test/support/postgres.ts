import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { createDataSource, migrate } from '../../src/store/data-source.js';
import { startEmbeddedPostgres } from '../../src/store/embedded-postgres.js';

/** A real PostgreSQL for one spec: the embedded one, or the server that TEST_DATABASE_URL names. */
export interface TestPostgres {
  /** An empty database of its own, dropped by `stop`. */
  createDatabase(): Promise<string>;
  /** Migrated and connected; closed by `stop`. */
  createDataSource(poolSize?: number): Promise<DataSource>;
  stop(): Promise<void>;
}

export const startTestPostgres = async (): Promise<TestPostgres> => {
  const server = await startServer();
  const admin = new pg.Client({ connectionString: server.adminUrl });
  await admin.connect();
  const databases: string[] = [];
  const sources: DataSource[] = [];
  const createDatabase = async (): Promise<string> => {
    const name = `surprisal_test_${randomBytes(6).toString('hex')}`;
    await admin.query(`CREATE DATABASE ${name}`);
    databases.push(name);
    const url = new URL(server.adminUrl);
    url.pathname = `/${name}`;
    return url.href;
  };
  return {
    createDatabase,
    createDataSource: async (poolSize = 8) => {
      const source = createDataSource({ url: await createDatabase(), poolSize });
      await source.initialize();
      sources.push(source);
      await migrate(source);
      return source;
    },
    stop: async () => {
      for (const source of sources) await source.destroy();
      for (const name of databases) await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.end();
      await server.stop();
    },
  };
};

const startServer = async (): Promise<{ adminUrl: string; stop: () => Promise<void> }> => {
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined && given !== '') return { adminUrl: given, stop: () => Promise.resolve() };
  const home = await temporaryHome();
  const server = await startEmbeddedPostgres({ home, log: () => undefined });
  return {
    adminUrl: server.adminUrl,
    stop: async () => {
      await server.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
};

/** mkdtemp makes 0700; as root the server runs as `nobody`, who must be able to pass. */
export const temporaryHome = async (mode = 0o755): Promise<string> => {
  const home = await mkdtemp(join(tmpdir(), 'surprisal-test-'));
  await chmod(home, mode);
  return home;
};
