import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/config.js';
import { freePortPair } from './ports.js';
import { killFamily } from './process-family.js';

const run = promisify(execFile);
const SCRIPT = join(packageRoot, 'scripts', 'kafka-local.sh');

/** A Kafka broker of the suite's own: killed and started again on the same port and data. */
export class BrokerProcess {
  private constructor(
    private readonly folder: string,
    private readonly port: number,
  ) {}

  static async start(folder: string): Promise<BrokerProcess> {
    const broker = new BrokerProcess(folder, await freePortPair(23_000 + 2 * (process.pid % 1000)));
    await broker.start();
    return broker;
  }

  get brokers(): readonly string[] {
    return [`127.0.0.1:${this.port}`];
  }

  /** Resolves when its port answers. @throws Error with the script's sentence */
  async start(): Promise<void> {
    await this.#script('up');
  }

  async killHard(): Promise<void> {
    const pid = await readFile(join(this.folder, 'pid'), 'utf8').catch(() => {
      throw new Error('the broker of the fault suite is to be killed, so it must be a process: install Java 17 and Maven');
    });
    await killFamily(Number(pid));
  }

  async stop(): Promise<void> {
    await this.#script('down');
  }

  async #script(command: string): Promise<void> {
    const env = { ...process.env, KAFKA_PORT: String(this.port), KAFKA_CONTROLLER_PORT: '', KAFKA_RUN_DIR: this.folder };
    await run('bash', [SCRIPT, command], { env }).catch((error: { readonly stderr?: string }) => {
      throw new Error(`no Kafka for the fault suite: ${error.stderr?.trim().split('\n').at(-1) ?? 'the script failed'}`);
    });
  }
}
