import { createServer } from 'node:net';

/**
 * A free port with a free one behind it, below the ports that the kernel gives to outgoing connections: a server that is
 * killed and started again must find its port free.
 */
export const freePortPair = async (from: number): Promise<number> => {
  for (let port = from; port < 32_000; port += 2) if ((await isFree(port)) && (await isFree(port + 1))) return port;
  throw new Error(`no two free ports from ${from} to 32000`);
};

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
