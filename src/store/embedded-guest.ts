import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { connect, dataOf, isOwned, readPassword, urlOf } from './embedded-owner.js';
import { findPlace } from './embedded-place.js';

/**
 * Address of the embedded PostgreSQL of a Surprisal that is running in this home, for a command that works beside it; null
 * where none runs, also where a killed one left its server behind: that one is to be taken over.
 */
export const runningEmbeddedUrl = async (home: string, stateDirectory?: string): Promise<string | null> => {
  const place = await findPlace(resolve(home), stateDirectory);
  const port = Number((await readFile(join(dataOf(place), 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')[3]);
  const guest = port ? await connect(place, port) : null;
  if (!guest) return null;
  try {
    return (await isOwned(guest)) ? urlOf('surprisal', await readPassword(place), port, 'surprisal') : null;
  } finally {
    await guest.end();
  }
};
