import { InvalidArgumentError, Option, type Command } from 'commander';
import { z } from 'zod';
import { withDatabase } from './command-database.js';
import { configOption, EXIT_CODES, wholeNumber, withProcessIo, type CommandIo } from './command-io.js';
import { loadConfig, type Config } from '../config.js';
import { DeadLetterStore, type RetriedLetter } from '../store/dead-letter.store.js';
import { PAGE_MAX } from '../store/paging.js';
import type { DeadLetterView } from '../store/query-types.js';
import { KafkaPublisher } from '../stream/kafka-publisher.js';
import { chunks, type OutgoingMessage } from '../stream/outbox-messages.js';
import { retryMessage } from '../stream/retry-message.js';
import { UsageError } from '../usage-error.js';

interface SelectionOptions {
  readonly reason?: string;
  /** UTC epoch milliseconds. */
  readonly since?: number;
  readonly json?: boolean;
}

export interface ListOptions extends SelectionOptions {
  readonly limit: number;
  readonly cursor?: string;
  readonly bytes?: boolean;
}

export interface RetryOptions extends SelectionOptions {
  readonly position?: readonly string[];
  readonly all?: boolean;
  readonly again?: boolean;
}

interface Configured {
  readonly config?: string;
}

const Moment = z.union([z.iso.date(), z.iso.datetime({ offset: true })]);

/** A day begins at midnight UTC. */
const momentOf = (text: string): number => {
  if (!Moment.safeParse(text).success) throw new InvalidArgumentError('expected YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ.');
  return Date.parse(text);
};

const reasonOption = (): Option => new Option('--reason <text>', 'only those whose reason holds this text, in any case');
const sinceOption = (): Option =>
  new Option('--since <time>', 'only those received at this day or moment or later: 2026-01-31, 2026-01-31T12:00:00Z').argParser(
    momentOf,
  );

export const register = (program: Command): void => {
  const letters = program.command('dead-letters').description('records that could not be used');
  letters
    .command('list')
    .description('lists them, newest first: position, time received, size, key and reason')
    .addOption(reasonOption())
    .addOption(sinceOption())
    .option('--limit <n>', `letters a page, 1 to ${PAGE_MAX}`, wholeNumber(1, PAGE_MAX), 50)
    .option('--cursor <text>', 'the page after the one that ended with this')
    .option('--bytes', 'print the original bytes too: as text, or as base64 where they are none')
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXIT_CODES)
    .action((options: ListOptions & Configured) => withProcessIo((io) => list(options, loadConfig(options.config), io)));
  letters
    .command('retry')
    .description('sends the original bytes back to the topic they came from, oldest first; each only once')
    .option('--position <position...>', 'those at these positions, "transactions/0/42"')
    .option('--all', 'all of them, or those that --reason and --since leave')
    .addOption(reasonOption())
    .addOption(sinceOption())
    .option('--again', 'those that were retried before as well')
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXIT_CODES)
    .action((options: RetryOptions & Configured) => withProcessIo((io) => retry(options, loadConfig(options.config), io)));
};

const withStore = <T>(config: Config, io: CommandIo, use: (store: DeadLetterStore) => Promise<T>): Promise<T> =>
  withDatabase(config, io, (dataSource) => use(new DeadLetterStore(dataSource)));

const selectionOf = ({ reason, since }: SelectionOptions) => ({
  ...(reason !== undefined && { reason }),
  ...(since !== undefined && { fromMs: since }),
});

/** The `dead-letters list` command. @throws UsageError for wrong use */
export const list = async (options: ListOptions, config: Config, io: CommandIo): Promise<void> => {
  const { limit, cursor, bytes: withBytes = false } = options;
  const filter = { ...selectionOf(options), limit, withBytes, ...(cursor !== undefined && { cursor }) };
  const { items, nextCursor } = await withStore(config, io, (store) => store.list(filter));
  if (options.json) {
    const shown = items.map(({ bytes, ...letter }) => ({ ...letter, ...(bytes && { bytes: textOrBase64(bytes) }) }));
    return io.write(`${JSON.stringify({ items: shown, nextCursor })}\n`);
  }
  if (items.length === 0) return io.write('there is none\n');
  for (const letter of items) await io.write(paragraph(letter));
  if (nextCursor !== null) await io.write(`more: --cursor ${nextCursor}\n`);
};

const paragraph = ({ position, receivedAt, retriedAt, size, key, reason, bytes }: DeadLetterView): string => {
  const facts = [receivedAt, `${size} bytes`, key === null ? 'no key' : `key ${key}`];
  if (retriedAt !== null) facts.push(`retried ${retriedAt}`);
  const lines = [`${position}  ${facts.join(', ')}`, `  ${reason}`];
  if (bytes) lines.push(...Object.entries(textOrBase64(bytes)).map(([form, value]) => `  ${form}: ${value}`));
  return lines.map((line) => `${printable(line)}\n`).join('');
};

const textOrBase64 = (bytes: Uint8Array): { readonly text: string } | { readonly base64: string } => {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') };
  }
};

/** What a stranger sent must not steer the terminal. */
const printable = (line: string): string =>
  line.replace(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/**
 * The `dead-letters retry` command. A letter is marked after the brokers have it.
 *
 * @throws UsageError for wrong use, before anything is sent
 */
export const retry = async (options: RetryOptions, config: Config, io: CommandIo): Promise<void> => {
  const { position: positions, all = false, again = false } = options;
  if ((positions === undefined) !== all) throw new UsageError('dead-letters retry needs either --position or --all');
  if (positions && Object.keys(selectionOf(options)).length > 0) throw new UsageError('--reason and --since go with --all');
  const { kafkaBrokers: brokers } = config;
  if (brokers === null)
    throw new UsageError('dead-letters retry sends records back to their topics: set KAFKA_BROKERS to the brokers of those');
  const publisher = new KafkaPublisher({ brokers, clientId: 'surprisal-dead-letters' });
  const report = new RetryReport();
  try {
    await withStore(config, io, async (store) => {
      if (positions) await refuseUnknown(store, positions, again);
      const selection = { ...selectionOf(options), ...(positions && { positions }), again };
      await store.retry(selection, (letters) => sendBack(letters, config, publisher, report));
    });
  } finally {
    await publisher.close();
  }
  await io.write(options.json ? `${JSON.stringify(report.answer())}\n` : report.sentences());
};

/** Whoever names positions wants exactly those. */
const refuseUnknown = async (store: DeadLetterStore, positions: readonly string[], again: boolean): Promise<void> => {
  const retriedAt = await store.retriedAt(positions);
  for (const position of positions) {
    const at = retriedAt.get(position);
    if (at === undefined) throw new UsageError(`there is no dead letter at position ${position}`);
    if (at !== null && !again) throw new UsageError(`${position} was retried at ${at.toISOString()}; --again sends it once more`);
  }
};

/** Answers the ids of those that are on their topics. */
const sendBack = async (
  letters: readonly RetriedLetter[],
  config: Config,
  publisher: KafkaPublisher,
  report: RetryReport,
): Promise<readonly string[]> => {
  const sent: string[] = [];
  for (const part of chunks(letters)) {
    const messages: OutgoingMessage[] = [];
    for (const letter of part) {
      const made = retryMessage(letter, config.service.kafka.topics);
      if (!made.ok) report.left(letter.position, made.reason);
      else {
        messages.push(made.message);
        sent.push(letter.id);
      }
    }
    if (messages.length > 0) await publisher.send(messages);
    for (const { topic } of messages) report.sent(topic);
  }
  return sent;
};

/** Counts, whatever their number: a flood of dead letters must not become a flood of lines. */
class RetryReport {
  readonly #sent = new Map<string, number>();
  readonly #left = new Map<string, { count: number; readonly first: string }>();

  sent(topic: string): void {
    this.#sent.set(topic, (this.#sent.get(topic) ?? 0) + 1);
  }

  left(position: string, reason: string): void {
    const before = this.#left.get(reason);
    if (before) before.count += 1;
    else this.#left.set(reason, { count: 1, first: position });
  }

  answer(): object {
    return { sent: Object.fromEntries(this.#sent), left: [...this.#left].map(([reason, left]) => ({ reason, ...left })) };
  }

  sentences(): string {
    const sent = [...this.#sent].map(([topic, count]) => `${count} sent back to ${topic}`);
    const left = [...this.#left].map(([reason, { count, first }]) => `${count} left (${first}): ${reason}`);
    const lines = [...sent, ...left];
    return (lines.length > 0 ? lines : ['there is none to retry']).map((line) => `${printable(line)}\n`).join('');
  }
}
