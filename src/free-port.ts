import { createServer } from 'node:net';
import { ConfigError } from './config.js';

/**
 * Listens on `host:port` for a moment; another program may still be faster later. Port 0 takes any, so there is nothing to ask.
 *
 * @throws ConfigError where the port is taken, forbidden, or the host is none of this machine's
 */
export const requireFreePort = async (port: number, host: string): Promise<void> => {
  if (port === 0) return;
  const server = createServer();
  try {
    await new Promise<void>((done, failed) => {
      server.once('error', failed);
      server.listen(port, host, done);
    });
  } catch (error) {
    throw portRefusal(error, port, host) ?? error;
  }
  await new Promise((done) => server.close(done));
};

/** What to do about an error of `listen`; null where that is unknown. */
export const portRefusal = (error: unknown, port: number, host: string): ConfigError | null => {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return new ConfigError(`PORT=${port} is taken by another program; set PORT to a free one (0 takes any)`);
    case 'EACCES':
      return new ConfigError(`PORT=${port} needs rights that this program has not; set PORT to 1024 or more`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new ConfigError(`service.http.host "${host}" is no address of this machine`);
    default:
      return null;
  }
};
