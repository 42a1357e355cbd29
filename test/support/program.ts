import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');

/** The built program as a user runs it, with everything it printed. */
export interface RunningProgram {
  readonly process: ChildProcess;
  /** stdout and stderr so far, in the order in which they came. */
  output(): string;
  /** stdout alone: what a pipe would get. */
  stdout(): string;
  /** Resolves with the first match in the output. @throws Error with the output when the program ends or time is over */
  waitFor(pattern: RegExp, limitMs?: number): Promise<RegExpExecArray>;
  /** Sends a signal and waits for the end; answers the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Waits for the program to end by itself. */
  ended(limitMs?: number): Promise<number | null>;
}

/** Runs `surprisal ARGS` from the build, with only the given environment beside PATH and HOME. */
export const startProgram = (args: readonly string[], environment: Readonly<Record<string, string>> = {}): RunningProgram => {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [join(ROOT, 'bin', 'surprisal.js'), ...args], {
    env: { PATH, HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = async (limitMs = 60_000): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null)
      await Promise.race([
        once(child, 'exit'),
        new Promise((_, reject) =>
          setTimeout(() => reject(new Error(`still running after ${limitMs} ms:\n${output}`)), limitMs).unref(),
        ),
      ]);
    return child.exitCode;
  };
  return {
    process: child,
    output: () => output,
    stdout: () => stdout,
    ended,
    stop: async (signal = 'SIGINT') => {
      child.kill(signal);
      return ended();
    },
    waitFor: async (pattern, limitMs = 120_000) => {
      for (const deadline = Date.now() + limitMs; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
        const match = pattern.exec(output);
        if (match) return match;
        if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode} before ${String(pattern)}:\n${output}`);
        if (Date.now() > deadline) throw new Error(`no ${String(pattern)} in ${limitMs} ms:\n${output}`);
      }
    },
  };
};

/** Runs a command to its end: exit code and what it printed. */
export const runProgram = async (
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; output: string; stdout: string }> => {
  const program = startProgram(args, environment);
  const code = await program.ended(300_000);
  return { code, output: program.output(), stdout: program.stdout() };
};
