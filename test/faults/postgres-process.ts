import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { readPassword, urlOf } from '../../src/store/embedded-owner.js';
import { type EmbeddedPlace, findPlace } from '../../src/store/embedded-place.js';
import { startEmbeddedPostgres } from '../../src/store/embedded-postgres.js';
import { freePortPair } from './ports.js';
import { killFamily, signalFamily } from './process-family.js';

/** The embedded PostgreSQL on a port that stays: killed with all its children and started again on the same data. */
export class PostgresProcess {
  #pid = 0;
  #ended: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly place: EmbeddedPlace,
    private readonly password: string,
    private readonly port: number,
  ) {}

  /** @param home a folder that the server's user can reach */
  static async start(home: string): Promise<PostgresProcess> {
    const embedded = await startEmbeddedPostgres({ home, log: () => undefined });
    await embedded.stop();
    const place = await findPlace(home);
    const port = await freePortPair(26_000 + 2 * (process.pid % 1000));
    const server = new PostgresProcess(place, await readPassword(place), port);
    await server.start();
    return server;
  }

  url(database: string): string {
    return urlOf('postgres', this.password, this.port, database);
  }

  /** Resolves when it answers, after its crash recovery. */
  async start(): Promise<void> {
    const { binaries, folder, user } = this.place;
    const log = await open(join(folder, 'faults.log'), 'a');
    const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'timezone=UTC', 'max_connections=200'];
    const args = ['-D', join(folder, 'data'), '-p', String(this.port), ...settings.flatMap((setting) => ['-c', setting])];
    const child = spawn(join(binaries, 'postgres'), args, {
      ...user,
      cwd: folder,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' },
    });
    this.#ended = new Promise((resolve) => child.once('exit', resolve));
    this.#pid = child.pid!;
    await log.close();
    for (let waitedMs = 0; !(await this.#answers()); waitedMs += 50) {
      if (waitedMs > 60_000 || child.exitCode !== null) throw new Error(`PostgreSQL did not start, see ${folder}/faults.log`);
      await sleep(50);
    }
  }

  async killHard(): Promise<void> {
    await killFamily(this.#pid);
    await this.#ended;
  }

  async freeze(): Promise<void> {
    await signalFamily(this.#pid, 'SIGSTOP');
  }

  async thaw(): Promise<void> {
    await signalFamily(this.#pid, 'SIGCONT');
  }

  /** @param template a database that nobody is connected to */
  async createDatabase(name: string, template = 'template1'): Promise<string> {
    const admin = new pg.Client({ connectionString: this.url('postgres') });
    await admin.connect();
    try {
      await admin.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
    } finally {
      await admin.end();
    }
    return this.url(name);
  }

  /** A fast shutdown: clients are cut off. */
  async stop(): Promise<void> {
    await this.thaw();
    process.kill(this.#pid, 'SIGINT');
    await this.#ended;
  }

  async #answers(): Promise<boolean> {
    const client = new pg.Client({ connectionString: this.url('postgres'), connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
