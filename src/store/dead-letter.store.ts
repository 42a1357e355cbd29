import type { DataSource, QueryRunner } from 'typeorm';
import { type DeadLetter, DeadLetterSink } from '../scoring/ports.js';
import { addSelection, listDeadLetters } from './dead-letter-list.js';
import { holdPublication } from './locks.js';
import { Conditions } from './paging.js';
import type { DeadLetterFilter, DeadLetterView, Page } from './query-types.js';
import { deadLetterJson } from './row-json.js';
import { insertDeadLetters } from './sql/insert-dead-letters.sql.js';

/** A dead letter on its way back. */
export interface RetriedLetter {
  readonly id: string;
  readonly position: string;
  readonly key: string | null;
  /** The original bytes. */
  readonly payload: Uint8Array;
}

export interface RetrySelection {
  /** Absent: all positions. */
  readonly positions?: readonly string[];
  readonly reason?: string;
  readonly fromMs?: number;
  /** Those that were retried before as well. */
  readonly again: boolean;
}

/** Letters read at once: each may hold a megabyte. */
const RETRIED_AT_ONCE = 100;
const RETRY_LOCK = 7_305_808_873;

/** Dead letters of consumers that have no batch of their own to commit them with, and the way back. */
export class DeadLetterStore extends DeadLetterSink {
  constructor(private readonly dataSource: DataSource) {
    super();
  }

  /** A position that is stored already is left as it is; the lock keeps two writers from both finding it absent. */
  override async keep(deadLetters: readonly DeadLetter[]): Promise<void> {
    if (deadLetters.length === 0) return;
    await this.dataSource.transaction(async (manager) => {
      await holdPublication(manager);
      await manager.query(insertDeadLetters, [JSON.stringify(deadLetters.map(deadLetterJson)), true, true]);
    });
  }

  /** @throws InvalidQueryError naming the field of the filter */
  list(filter: DeadLetterFilter): Promise<Page<DeadLetterView>> {
    return listDeadLetters(this.dataSource, filter);
  }

  /** When each of these positions was last retried; a position that has no dead letter is absent. */
  async retriedAt(positions: readonly string[]): Promise<ReadonlyMap<string, Date | null>> {
    const rows = await this.dataSource.query<{ position: string; retried_at: Date | null }[]>(
      'SELECT position, max(retried_at) AS retried_at FROM dead_letters WHERE position = ANY ($1) GROUP BY position',
      [positions],
    );
    return new Map(rows.map((row) => [row.position, row.retried_at]));
  }

  /**
   * Hands the selected dead letters to `send`, oldest first and in parts, and marks those whose ids it answers. The ones
   * that come in meanwhile are left, or a letter that stays bad would go round for ever. One retry runs at a time, so none
   * sends what another is sending; a crash between sending and marking sends twice, and the line then finds a repeat.
   *
   * @throws Error when another retry is running
   */
  async retry(selection: RetrySelection, send: (letters: readonly RetriedLetter[]) => Promise<readonly string[]>): Promise<void> {
    const runner = this.dataSource.createQueryRunner();
    await runner.connect();
    try {
      // Of the session: no transaction is open while Kafka is asked.
      const [lock] = (await runner.query('SELECT pg_try_advisory_lock($1) AS held', [RETRY_LOCK])) as { held: boolean }[];
      if (!lock?.held) throw new Error('another retry of dead letters is running on this database: wait for its end');
      const [newest] = (await runner.query('SELECT coalesce(max(id), 0) AS id FROM dead_letters')) as { id: string }[];
      for (let after = '0'; ;) {
        const letters = await nextLetters(runner, selection, { after, upTo: newest!.id });
        if (letters.length === 0) return;
        const sent = await send(letters);
        if (sent.length > 0) await runner.query('UPDATE dead_letters SET retried_at = now() WHERE id = ANY ($1)', [sent]);
        after = letters.at(-1)!.id;
      }
    } finally {
      await runner.query('SELECT pg_advisory_unlock($1)', [RETRY_LOCK]);
      await runner.release();
    }
  }
}

const nextLetters = async (
  runner: QueryRunner,
  selection: RetrySelection,
  range: { readonly after: string; readonly upTo: string },
): Promise<readonly RetriedLetter[]> => {
  const conditions = new Conditions();
  conditions.add('id > ? AND id <= ?', range.after, range.upTo);
  addSelection(conditions, selection);
  if (selection.positions) conditions.add('position = ANY (?)', selection.positions);
  if (!selection.again) conditions.add('retried_at IS NULL');
  const sql = `SELECT id, position, key, bytes AS payload FROM dead_letters ${conditions.where()} ORDER BY id LIMIT ${RETRIED_AT_ONCE}`;
  return (await runner.query(sql, conditions.parameters)) as RetriedLetter[];
};
