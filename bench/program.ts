import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface ProgramOf {
  /** For `node`. */
  readonly args: readonly string[];
  /** Beside PATH and HOME, all that it sees. */
  readonly env: Readonly<Record<string, string>>;
  /** Another command than this Node. */
  readonly command?: string;
  readonly onMessage?: (message: unknown) => void;
}

const OUTPUT_MAX = 100_000;

/** A program under measurement, in a process of its own. */
export class Program {
  static readonly #running = new Set<Program>();
  readonly #child: ChildProcess;
  #output = '';

  constructor({ args, env, command = process.execPath, onMessage }: ProgramOf) {
    const { PATH, HOME } = process.env;
    this.#child = spawn(command, args, {
      env: { ...(PATH && { PATH }), ...(HOME && { HOME }), ...env },
      stdio: ['ignore', 'pipe', 'pipe', ...(onMessage ? (['ipc'] as const) : [])],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.on('data', (chunk: Buffer) => (this.#output = (this.#output + chunk.toString()).slice(-OUTPUT_MAX)));
    if (onMessage) this.#child.on('message', onMessage);
    Program.#running.add(this);
    this.#child.once('exit', () => Program.#running.delete(this));
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** The newest 100,000 characters of both streams. */
  get output(): string {
    return this.#output;
  }

  /** @throws Error with the program's output when it has ended */
  requireRunning(): void {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null)
      throw new Error(`the program ended with ${exitCode ?? signalCode}:\n${this.#output}`);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }

  static async stopAll(): Promise<void> {
    await Promise.all(Array.from(Program.#running, (program) => program.stop()));
  }
}
