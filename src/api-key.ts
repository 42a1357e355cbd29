import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, type Config } from './config.js';
import { makeFolder } from './store/make-folder.js';

/** `SURPRISAL_API_KEY`, or one that is made once and kept in `SURPRISAL_HOME/api-key`, readable by its owner alone. */
export const apiKeyOf = (config: Config): string => {
  if (config.apiKey !== null) return config.apiKey;
  const file = join(config.home, 'api-key');
  try {
    const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
    if (kept !== '') return kept;
    makeFolder(config.home);
    const key = randomBytes(24).toString('base64url');
    // Aside first: on a full disk an empty key would be what the next start reads.
    const aside = `${file}.${process.pid}`;
    try {
      writeFileSync(aside, `${key}\n`, { mode: 0o600 });
      chmodSync(aside, 0o600);
      renameSync(aside, file);
    } finally {
      rmSync(aside, { force: true });
    }
    return key;
  } catch (error) {
    throw new ConfigError(`SURPRISAL_HOME=${config.home} cannot hold the API key: ${(error as Error).message}`);
  }
};
