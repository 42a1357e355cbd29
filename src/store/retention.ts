import type { DataSource } from 'typeorm';
import { newestDay, Partitions } from './partitions.js';
import { DAY_MS } from '../domain/time.js';

/** Rows of one delete: no transaction of it lasts long. */
const CHUNK = 10_000;

/** For how many days things are kept: of event time, counted back from the newest event, unless it says otherwise. */
export interface RetentionDays {
  /** Whole months and their ids go together once they are older: what is stored is known, and a repeat of it is one. */
  readonly transactions: number;
  /** Cells of secondary entities; must cover the features' look-back and 30 days for late events. */
  readonly evidence: number;
  /** What challengers said of transactions; as long as a calibration's window at least. */
  readonly shadow: number;
  /** Of the wall clock: messages that are on their topic. */
  readonly published: number;
  /** Of the wall clock. */
  readonly deadLetters: number;
  /** Of the wall clock: what training runs said on their way; the runs and their reports stay. */
  readonly trainingEvents: number;
}

export interface Retired {
  readonly partitions: readonly string[];
  readonly rows: number;
}

/** Removes what is older than it has to be. Run by one process; every step stands alone, so it may be ended at any time. */
export const retire = async (
  dataSource: DataSource,
  days: RetentionDays,
  wallMs: number,
  signal?: AbortSignal,
): Promise<Retired> => {
  const newest = await newestDay(dataSource);
  const before = (count: number, fromMs: number): Date => new Date(fromMs - count * DAY_MS);
  const deletions: [table: string, condition: string, before: Date][] = [
    ['outbox', 'published_at < $1', before(days.published, wallMs)],
    [
      'dead_letters',
      'received_at < $1 AND NOT EXISTS (SELECT FROM outbox WHERE dead_letter_id = dead_letters.id)',
      before(days.deadLetters, wallMs),
    ],
    ['training_events', 'at < $1', before(days.trainingEvents, wallMs)],
  ];
  let partitions: readonly string[] = [];
  if (newest) {
    const eventMs = newest.getTime();
    const month = startOfMonth(before(days.transactions, eventMs));
    partitions = await new Partitions(dataSource).dropBefore(month.getTime());
    deletions.push(['transaction_ids', 'occurred_at < $1', month]);
    deletions.push(['shadow_scores', 'occurred_at < $1', before(days.shadow, eventMs)]);
    deletions.push(['evidence_cells', 'bucket_at < $1', before(days.evidence, eventMs)]);
  }
  let rows = 0;
  for (const [table, condition, limit] of deletions)
    for (let deleted = CHUNK; deleted === CHUNK && !signal?.aborted; rows += deleted)
      [, deleted] = await dataSource.query<[unknown, number]>(
        `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${condition} LIMIT ${CHUNK}))`,
        [limit],
      );
  return { partitions, rows };
};

const startOfMonth = (at: Date): Date => new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth()));
