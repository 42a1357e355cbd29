import type { DataSource } from 'typeorm';
import type { Alert } from '../domain/alert.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { listDeadLetters } from './dead-letter-list.js';
import { vectorOf } from './history.store.js';
import { labelsOf } from './label.store.js';
import {
  checkLimit,
  checkSequence,
  Conditions,
  dateOf,
  decodeCursor,
  encodeCursor,
  InvalidQueryError,
  pageOf,
  storable,
} from './paging.js';
import type {
  AlertFilter,
  AlertPattern,
  AlertPatternFilter,
  AlertView,
  DeadLetterFilter,
  DeadLetterView,
  Page,
  StreamStatus,
  TransactionDetail,
  TransactionFilter,
  TransactionView,
} from './query-types.js';
import { isStorableText } from './row-json.js';
import { listAlertPatterns } from './sql/list-alert-patterns.sql.js';
import { streamStatus } from './sql/stream-status.sql.js';
import { FeatureSets } from './tables-models.js';
import {
  ALERT_SELECT,
  type AlertPatternRow,
  alertPatternView,
  type AlertViewRow,
  alertView,
  transactionView,
  VIEW_COLUMNS,
  type ViewRow,
} from './views.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What people and the API read. Lists are newest first, with keyset cursors. */
export class Queries {
  constructor(
    private readonly dataSource: DataSource,
    private readonly schema: TransactionSchema,
  ) {}

  /** @throws InvalidQueryError naming the field of the filter */
  async listTransactions(filter: TransactionFilter): Promise<Page<TransactionView>> {
    const limit = checkLimit(filter.limit);
    const conditions = new Conditions();
    if (filter.entity) {
      const place = this.#entityPlace(filter.entity);
      if (place === 1) conditions.add('t.entities[1] = ?', filter.entity.id);
      else conditions.add(`t.entities[2:6] @> ARRAY[?] AND t.entities[${place}] = ?`, filter.entity.id, filter.entity.id);
    }
    if (filter.fromMs !== undefined) conditions.add(`t.occurred_at >= ?`, dateOf('from', filter.fromMs));
    if (filter.toMs !== undefined) conditions.add(`t.occurred_at < ?`, dateOf('to', filter.toMs));
    if (filter.minusLog10PMin !== undefined) conditions.add('t.fused_minus_log10_p >= ?', filter.minusLog10PMin);
    if (filter.outcome !== undefined) conditions.add('t.outcome = ?', filter.outcome);
    // Says to the planner that the index of alerted rows will do.
    if (filter.outcome !== undefined && filter.outcome !== 'approve') conditions.add(`t.outcome <> 'approve'`);
    if (filter.cursor !== undefined) {
      const [ms, last] = decodeCursor('transactions', filter.cursor, ['number', 'string']) as [number, string];
      conditions.add(`(t.occurred_at, t.id) < (?, ?)`, dateOf('cursor', ms), storable('cursor', last));
    }
    const rows = await this.dataSource.query<ViewRow[]>(
      `SELECT ${VIEW_COLUMNS} FROM transactions AS t ${conditions.where()}
       ORDER BY t.occurred_at DESC, t.id DESC LIMIT ${conditions.parameter(limit + 1)}`,
      conditions.parameters,
    );
    return pageOf(
      rows,
      limit,
      (row) => transactionView(this.schema, row),
      (row) => encodeCursor('transactions', [row.occurred_at.getTime(), row.id]),
    );
  }

  async transaction(id: string): Promise<TransactionDetail | null> {
    if (!isStorableText(id)) return null;
    const [row] = await this.dataSource.query<(ViewRow & { features: Buffer; alert: Alert | null })[]>(
      `SELECT ${VIEW_COLUMNS}, t.features, a.payload AS alert
       FROM transaction_ids AS known JOIN transactions AS t ON t.occurred_at = known.occurred_at AND t.id = known.id
         LEFT JOIN alerts AS a ON a.transaction_id = t.id
       WHERE known.id = $1`,
      [id],
    );
    if (!row) return null;
    const set = await this.dataSource.getRepository(FeatureSets).findOneBy({ id: row.feature_set });
    const features = Array.from(vectorOf(row.features), (value, i) => {
      // A feature set that nobody named is shown by position.
      const name = set?.columns[i] ?? `feature ${i + 1}`;
      return [name, Number.isNaN(value) ? null : value] as const;
    });
    return {
      ...transactionView(this.schema, row),
      features: Object.fromEntries(features),
      alert: row.alert,
      labels: (await labelsOf(this.dataSource, [id])).get(id) ?? [],
    };
  }

  /** @throws InvalidQueryError naming the field of the filter */
  async listAlerts(filter: AlertFilter): Promise<Page<AlertView>> {
    const limit = checkLimit(filter.limit);
    const conditions = new Conditions();
    if (filter.entity) {
      const place = this.#entityPlace(filter.entity);
      conditions.add(`a.entities @> ARRAY[?] AND a.entities[${place}] = ?`, filter.entity.id, filter.entity.id);
    }
    if (filter.fromMs !== undefined) conditions.add('a.occurred_at >= ?', dateOf('from', filter.fromMs));
    if (filter.toMs !== undefined) conditions.add('a.occurred_at < ?', dateOf('to', filter.toMs));
    if (filter.outcome !== undefined) conditions.add('a.outcome = ?', filter.outcome);
    if (filter.lane !== undefined) conditions.add('a.lane = ?', filter.lane);
    if (filter.pattern !== undefined) {
      const pattern = storable('pattern', filter.pattern);
      // The hash finds it in the index; two patterns of one hash are still two.
      conditions.add('md5(a.pattern) = md5(?::text) AND a.pattern = ?', pattern, pattern);
    }
    if (filter.newType !== undefined) conditions.add(filter.newType ? 'a.new_type' : 'NOT a.new_type');
    if (filter.cursor !== undefined) {
      const [last] = decodeCursor('alerts', filter.cursor, ['string']) as [string];
      conditions.add('a.sequence < ?', checkSequence('cursor', last));
    }
    const rows = await this.dataSource.query<AlertViewRow[]>(
      `${ALERT_SELECT} ${conditions.where()} ORDER BY a.sequence DESC LIMIT ${conditions.parameter(limit + 1)}`,
      conditions.parameters,
    );
    return pageOf(rows, limit, alertView, (row) => encodeCursor('alerts', [row.sequence]));
  }

  async alert(id: string): Promise<AlertView | null> {
    if (!UUID.test(id)) return null;
    const [row] = await this.dataSource.query<AlertViewRow[]>(`${ALERT_SELECT} WHERE a.id = $1`, [id]);
    return row ? alertView(row) : null;
  }

  /** By rising sequence. Sequences become visible in rising order, so whoever goes on from the last one misses none. */
  async alertsAfter(sequence: string, limit: number): Promise<readonly AlertView[]> {
    const rows = await this.dataSource.query<AlertViewRow[]>(
      `${ALERT_SELECT} WHERE a.sequence > $1 ORDER BY a.sequence LIMIT $2`,
      [checkSequence('sequence', sequence), checkLimit(limit, 1_000)],
    );
    return rows.map(alertView);
  }

  /** Kinds of alerts, the most frequent first. @throws InvalidQueryError naming the field of the filter */
  async alertPatterns(filter: AlertPatternFilter): Promise<Page<AlertPattern>> {
    const { newType, fromMs, toMs } = filter;
    const rows = await this.dataSource.query<AlertPatternRow[]>(listAlertPatterns, [
      newType ?? null,
      fromMs === undefined ? null : dateOf('from', fromMs),
      toMs === undefined ? null : dateOf('to', toMs),
      checkLimit(filter.limit),
    ]);
    // The most frequent ones: there is no page after them.
    return { items: rows.map(alertPatternView), nextCursor: null };
  }

  /** An entity's transactions before a time, newest first. */
  async recentOfEntity(type: string, id: string, beforeMs: number, limit: number): Promise<readonly TransactionView[]> {
    return (await this.listTransactions({ entity: { type, id }, toMs: beforeMs, limit })).items;
  }

  async status(): Promise<StreamStatus> {
    type Row = { [K in keyof StreamStatus]: StreamStatus[K] };
    const [row] = await this.dataSource.query<(Omit<Row, 'newestOccurredAt'> & { newestOccurredAt: Date | null })[]>(
      streamStatus,
      [this.schema.name],
    );
    return { ...row!, newestOccurredAt: row!.newestOccurredAt?.toISOString() ?? null };
  }

  /** Newest event time that was committed; null before the first. */
  async newestEventMs(): Promise<number | null> {
    const [row] = await this.dataSource.query<{ at: Date | null }[]>('SELECT max(occurred_at) AS at FROM transactions');
    return row?.at?.getTime() ?? null;
  }

  /** @throws InvalidQueryError naming the field of the filter */
  listDeadLetters(filter: DeadLetterFilter): Promise<Page<DeadLetterView>> {
    return listDeadLetters(this.dataSource, filter);
  }

  /** The entity's place in the arrays, from 1. */
  #entityPlace({ type, id }: { readonly type: string; readonly id: string }): number {
    const names = this.schema.entities.map(({ name }) => name);
    const place = names.indexOf(type) + 1;
    if (place === 0) throw new InvalidQueryError('entity', type, `one of ${names.join(', ') || '(the schema has none)'}`);
    storable('entity', id);
    return place;
  }
}
