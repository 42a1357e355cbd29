import type { DataSource } from 'typeorm';
import { checkLimit, checkSequence, Conditions, dateOf, decodeCursor, encodeCursor, pageOf, storable } from './paging.js';
import type { DeadLetterFilter, DeadLetterView, Page } from './query-types.js';

interface Row {
  readonly id: string;
  readonly position: string;
  readonly key: string | null;
  readonly reason: string;
  readonly received_at: Date;
  readonly retried_at: Date | null;
  readonly size: number;
  readonly bytes?: Buffer;
}

/** Newest first. Needs no transaction schema: a dead letter is none. @throws InvalidQueryError naming the field of the filter */
export const listDeadLetters = async (dataSource: DataSource, filter: DeadLetterFilter): Promise<Page<DeadLetterView>> => {
  const limit = checkLimit(filter.limit);
  const conditions = new Conditions();
  addSelection(conditions, filter);
  if (filter.toMs !== undefined) conditions.add('received_at < ?', dateOf('to', filter.toMs));
  if (filter.cursor !== undefined) {
    const [last] = decodeCursor('dead-letters', filter.cursor, ['string']) as [string];
    conditions.add('id < ?', checkSequence('cursor', last));
  }
  const rows = await dataSource.query<Row[]>(
    `SELECT id, position, key, reason, received_at, retried_at, length(bytes) AS size${filter.withBytes ? ', bytes' : ''}
     FROM dead_letters ${conditions.where()} ORDER BY id DESC LIMIT ${conditions.parameter(limit + 1)}`,
    conditions.parameters,
  );
  const view = ({ id: _, received_at, retried_at, ...row }: Row): DeadLetterView => ({
    ...row,
    receivedAt: received_at.toISOString(),
    retriedAt: retried_at?.toISOString() ?? null,
  });
  return pageOf(rows, limit, view, (row) => encodeCursor('dead-letters', [row.id]));
};

/** What a list and a retry may both be narrowed by. */
export const addSelection = (conditions: Conditions, { reason, fromMs }: Pick<DeadLetterFilter, 'reason' | 'fromMs'>): void => {
  if (reason !== undefined) conditions.add('strpos(lower(reason), lower(?)) > 0', storable('reason', reason));
  if (fromMs !== undefined) conditions.add('received_at >= ?', dateOf('from', fromMs));
};
