import type { DataSource } from 'typeorm';
import type { Config } from './config.js';
import { createDataSource, migrate } from './store/data-source.js';
import { runningEmbeddedUrl } from './store/embedded-guest.js';
import { startEmbeddedPostgres } from './store/embedded-postgres.js';

export interface ServiceDatabase {
  readonly dataSource: DataSource;
  readonly isEmbedded: boolean;
  close(): Promise<void>;
}

/**
 * The database of `DATABASE_URL`, or the embedded one under `SURPRISAL_HOME`; migrated.
 *
 * @param isGuest a command that may work beside a service which has started the embedded one
 */
export const openDatabase = async (config: Config, say: (line: string) => void, isGuest = false): Promise<ServiceDatabase> => {
  const runningUrl = config.databaseUrl ?? (isGuest ? await runningEmbeddedUrl(config.home) : null);
  const embedded = runningUrl === null ? await startEmbeddedPostgres({ home: config.home, log: say }) : null;
  if (embedded?.elsewhere)
    say(`the database cannot live under ${config.home} (its server must not run as root); it is in ${embedded.folder}`);
  try {
    const url = embedded?.url ?? runningUrl!;
    const dataSource = await createDataSource({ url, poolSize: config.service.database.poolSize }).initialize();
    const ran = await migrate(dataSource);
    if (ran.length > 0) say(`database: ${ran.length} migration${ran.length === 1 ? '' : 's'} applied`);
    return {
      dataSource,
      isEmbedded: embedded !== null,
      close: async () => {
        await dataSource.destroy();
        await embedded?.stop();
      },
    };
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
};
