import { stringify } from 'csv-stringify';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { InvalidArgumentError, Option } from 'commander';
import { createProgress, type Progress } from './progress.js';
import { UsageError } from '../usage-error.js';

/** What a command answers to: results on stdout, progress on stderr. */
export interface CommandIo {
  readonly write: (text: string) => Promise<void>;
  readonly progress: Progress;
}

/** Whoever reads the output has enough of it (`| head`): no failure. */
class OutputClosedError extends Error {
  override readonly name = 'OutputClosedError';
}

/**
 * Runs a command with this process's streams; the bar is cleared whatever happens. Where the output fails the command ends at its
 * next line.
 *
 * @throws OutputClosedError, or what the output says of a full disk
 */
export const withProcessIo = async (command: (io: CommandIo) => Promise<void>): Promise<void> => {
  const progress = createProgress(process.stderr);
  const output: { failure?: Error } = {};
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    output.failure ??= error.code === 'EPIPE' ? new OutputClosedError() : error;
  });
  const check = (): void => {
    if (output.failure) throw output.failure;
  };
  const write = async (text: string): Promise<void> => {
    check();
    if (!process.stdout.write(text)) await once(process.stdout, 'drain').catch(check);
  };
  try {
    await command({ write, progress });
    // What became of the last line is heard a turn later.
    await setImmediate();
    check();
  } finally {
    progress.stop();
  }
};

/** Runs long work with a signal that the first Ctrl-C or SIGTERM aborts; a second one ends the process as ever. */
export const cancellable = async <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  const controller = new AbortController();
  const cancel = (): void => controller.abort(new Error('cancelled'));
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, cancel);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.removeListener(name, cancel);
  }
};

/** @throws UsageError when the file cannot be written */
export const writeCsv = async (
  path: string,
  header: readonly string[],
  rows: Iterable<readonly (string | number)[]>,
): Promise<void> => {
  try {
    const lines = stringify({ header: true, columns: [...header], cast: { number: String } });
    await pipeline(Readable.from(rows), lines, createWriteStream(path));
  } catch (error) {
    throw new UsageError(`${path} cannot be written: ${(error as Error).message}`);
  }
};

/** Commander's parser of a whole number in a range. */
export const wholeNumber =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}.`);
    return value;
  };

/** Commander's parser of a finite number above 0, at most `max`. */
export const positiveNumber =
  (max = Number.MAX_VALUE) =>
  (text: string): number => {
    const value = Number(text);
    if (!(value > 0 && value <= max))
      throw new InvalidArgumentError(`expected a number above 0${max === Number.MAX_VALUE ? '' : ` and at most ${max}`}.`);
    return value;
  };

/** Commander's parser of a day, to its first millisecond (UTC). */
export const dateOption = (text: string): number => {
  const ms = Date.parse(`${text}T00:00:00Z`);
  // The round trip refuses days that a month does not have.
  if (Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(`${text}T`))
    throw new InvalidArgumentError('expected a date YYYY-MM-DD.');
  return ms;
};

/** `--config`, the same for every command that reads configuration or names a schema. */
export const configOption = (): Option =>
  new Option(
    '--config <folder>',
    'folder of policy.yaml, models.yaml, service.yaml, training.yaml and schemas/; default: the shipped one',
  );

/** Under the help of every command that does work. */
export const EXIT_CODES = '\nExit codes: 0 done, 1 failed, 2 wrong use';

/** Cells padded to columns; numbers should come formatted. */
export const textTable = (header: readonly string[], rows: readonly (readonly string[])[]): string => {
  const widths = header.map((name, c) => Math.max(name.length, ...rows.map((row) => row[c]!.length)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join('  ');
  return [line(header), ...rows.map(line)].map((text) => `${text.trimEnd()}\n`).join('');
};

/** A page of a list: one JSON object, or a table and how to go on. */
export const writePage = async <T>(
  io: CommandIo,
  { items, nextCursor }: { readonly items: readonly T[]; readonly nextCursor: string | null },
  { json, header, cells }: { readonly json?: boolean; readonly header: readonly string[]; readonly cells: (item: T) => string[] },
): Promise<void> => {
  if (json) return io.write(`${JSON.stringify({ items, nextCursor })}\n`);
  if (items.length === 0) return io.write('there is none\n');
  await io.write(textTable(header, items.map(cells)));
  if (nextCursor !== null) await io.write(`more: --cursor ${nextCursor}\n`);
};
