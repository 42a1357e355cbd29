import type { OutboxRow } from '../scoring/ports.js';
import type { TopicNames } from './topics.js';

export interface OutgoingMessage {
  readonly topic: string;
  readonly key: string | null;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The broker refuses record batches above `message.max.bytes` (1 MB by default), and kafkajs makes one record batch of
 * all messages of a send for a partition. A dead letter arrived within that limit but leaves with a reason besides.
 */
export const VALUE_BYTES_MAX = 900_000;
const HEADER_CHARACTERS_MAX = 2_000;
const CHUNK_BYTES_MAX = 900_000;
const CHUNK_ROWS_MAX = 500;

/** A row's message. A longer payload is cut, and header `truncated-from` says how long it was; the table keeps all of it. */
export const messageOf = (row: OutboxRow, topics: TopicNames): OutgoingMessage => {
  const whole = typeof row.payload === 'string' ? Buffer.from(row.payload) : Buffer.from(row.payload);
  // A message that is published twice has its number twice.
  const headers: Record<string, string> = { sequence: String(row.id) };
  for (const [name, value] of Object.entries(row.headers)) headers[name] = value.slice(0, HEADER_CHARACTERS_MAX);
  const isLong = whole.length > VALUE_BYTES_MAX;
  if (isLong) headers['truncated-from'] = String(whole.length);
  return {
    topic: row.kind === 'alert' ? topics.alerts : topics.dead,
    key: row.key,
    value: isLong ? whole.subarray(0, VALUE_BYTES_MAX) : whole,
    headers,
  };
};

/** Consecutive rows that fit into one send. */
export function* chunks<Row extends Pick<OutboxRow, 'payload'>>(rows: readonly Row[]): Generator<readonly Row[]> {
  let chunk: Row[] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = Math.min(Buffer.byteLength(row.payload), VALUE_BYTES_MAX);
    if (chunk.length > 0 && (bytes + size > CHUNK_BYTES_MAX || chunk.length === CHUNK_ROWS_MAX)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(row);
    bytes += size;
  }
  if (chunk.length > 0) yield chunk;
}
