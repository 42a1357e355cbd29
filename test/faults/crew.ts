import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../src/domain/random.js';

export interface Program {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** File that its output goes to. */
  readonly log: string;
}

export const launch = ({ args, env, log }: Program): ChildProcess => {
  const file = openSync(log, 'a');
  const child = spawn(process.execPath, [...args], { env, stdio: ['ignore', file, file] });
  closeSync(file);
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
};

/** None outlives the suite, however that ends. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;
const RESTART_MS = 300;

interface Place {
  child: ChildProcess;
  isFrozen: boolean;
  isRemoved: boolean;
}

/** The workers of one consumer group under a supervisor that starts again whatever ends, as an orchestrator would. */
export class Crew {
  readonly #places = new Set<Place>();
  #started = 0;
  /** Ends that nobody here asked for: a worker that met no database at its start, for one. */
  selfEnded = 0;

  /** @param programOf the n-th start's program */
  constructor(private readonly programOf: (n: number) => Program) {}

  add(count = 1): void {
    for (let i = 0; i < count; i += 1) {
      const place: Place = { child: this.#start(), isFrozen: false, isRemoved: false };
      this.#places.add(place);
      void this.#supervise(place);
    }
  }

  /** `kill -9` of one of them at random. */
  async kill(random: Random): Promise<void> {
    const place = this.#pick(random);
    place.child.kill('SIGKILL');
    if (isRunning(place.child)) await once(place.child, 'exit');
  }

  /** One of them stands still for so long; it then wakes up not knowing. */
  async freeze(random: Random, ms: number): Promise<void> {
    const place = this.#pick(random);
    const { child } = place;
    place.isFrozen = true;
    child.kill('SIGSTOP');
    await sleep(ms);
    child.kill('SIGCONT');
    place.isFrozen = false;
  }

  /** Whoever stopped itself goes on. */
  wake(): void {
    for (const { child } of this.#places) child.kill('SIGCONT');
  }

  /** Asks one of them to stop, as a scale-in does, and does not wait. */
  remove(random: Random): void {
    const place = this.#pick(random);
    place.isRemoved = true;
    this.#places.delete(place);
    place.child.kill('SIGTERM');
  }

  /** Asks all of them to stop. @throws Error when one doesn't within 40 s, or not with exit code 0 */
  async stop(): Promise<void> {
    const places = [...this.#places];
    this.#places.clear();
    await Promise.all(
      places.map(async (place) => {
        place.isRemoved = true;
        if (!isRunning(place.child)) return;
        place.child.kill('SIGTERM');
        const late = setTimeout(() => place.child.kill('SIGKILL'), 40_000);
        await once(place.child, 'exit');
        clearTimeout(late);
        // One that had only just been started was not listening yet.
        const { exitCode, signalCode } = place.child;
        if (exitCode !== 0 && signalCode !== 'SIGTERM') throw new Error(`a worker ended with ${exitCode ?? signalCode}`);
      }),
    );
  }

  /** At once, whatever they do. */
  abandon(): void {
    for (const place of this.#places) {
      place.isRemoved = true;
      place.child.kill('SIGKILL');
    }
    this.#places.clear();
  }

  #start(): ChildProcess {
    this.#started += 1;
    return launch(this.programOf(this.#started));
  }

  async #supervise(place: Place): Promise<void> {
    for (;;) {
      if (isRunning(place.child)) await once(place.child, 'exit');
      if (place.child.signalCode === null && !place.isRemoved) this.selfEnded += 1;
      await sleep(RESTART_MS);
      if (place.isRemoved) return;
      place.child = this.#start();
    }
  }

  /** One that runs and is not frozen. */
  #pick(random: Random): Place {
    const places = [...this.#places].filter(({ child, isFrozen }) => isRunning(child) && !isFrozen);
    return places[random.integer(Math.max(1, places.length))] ?? [...this.#places][0]!;
  }
}
