import type { DataSource, EntityManager } from 'typeorm';
import type { Calibration } from '../domain/calibration.js';
import type { Channel, Outcome } from '../domain/decision.js';
import type { Label } from '../domain/label.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import type { Flip } from '../domain/version-comparison.js';
import type { PairCount, ScoredPairs } from '../training/ports.js';
import { flipOf, type FlipRow } from './flip-rows.js';
import { backtestDays, backtestFlips, fillBacktestPairs, judgedRows, type BothSchemas } from './sql/backtest-pairs.sql.js';
import { countPairs, CREATE_PAIRS, rankCorrelation } from './sql/scored-pairs.sql.js';

const CHUNK = 20_000;

export interface BacktestSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A UTC day of a backtest beside what was decided live. */
export interface BacktestDay {
  readonly day: string;
  readonly rows: number;
  readonly alerts: number;
  readonly liveAlerts: number;
  /** Known by now, of the rows of the backtest. */
  readonly frauds: number;
  readonly caught: number;
  readonly liveCaught: number;
  /** Scored here and not live, and the reverse. */
  readonly onlyHere: number;
  readonly onlyLive: number;
  /** Live rows that came behind their entity's newest. */
  readonly late: number;
  /** Decided by the same model and policy, live by another of their calibrations. */
  readonly otherCalibration: number;
}

/** A row of the backtest whose label has matured. */
export interface JudgedRow {
  readonly occurredAtMs: number;
  /** Its primary entity, or itself. */
  readonly card: string;
  readonly isFraud: boolean;
  readonly alerted: boolean;
  readonly scores: Readonly<Record<Channel | 'F', number>>;
}

export interface BacktestPairs extends ScoredPairs {
  readonly days: readonly BacktestDay[];
}

/** What a backtest reads of the service's tables, and what it finds when it lays its own beside them. It writes to neither. */
export class BacktestStore {
  constructor(
    /** Of the service. */
    private readonly live: DataSource,
    private readonly schema: TransactionSchema,
    private readonly statementTimeoutMs = 600_000,
  ) {}

  /** Rows of a span, counted no further than `max` + 1. */
  async countRows({ fromMs, toMs }: BacktestSpan, max: number): Promise<number> {
    const [counted] = await this.live.query<{ rows: number }[]>(
      `SELECT count(*)::double precision AS rows FROM (
         SELECT FROM transactions WHERE occurred_at >= $1 AND occurred_at < $2 LIMIT $3) AS counted`,
      [new Date(fromMs), new Date(toMs), max + 1],
    );
    return counted?.rows ?? 0;
  }

  /** The calibration of a model under a policy that held when an epoch day began; null: there was none by then. */
  async calibrationInForce(model: string, policy: string, day: number): Promise<Calibration | null> {
    const [row] = await this.live.query<{ payload: Calibration }[]>(
      `SELECT payload FROM calibrations WHERE model = $1 AND payload ->> 'policy' = $2
         AND (valid_from_day < $3 OR valid_from_day = $3 AND NOT payload ? 'isProvisional')
       ORDER BY valid_from_day DESC, created_at DESC LIMIT 1`,
      [model, policy, day],
    );
    return row?.payload ?? null;
  }

  /** The first calibration that was ever stored of a model. @param policy under this one; absent: under any */
  async firstCalibration(model: string, policy?: string): Promise<Calibration | null> {
    const [row] = await this.live.query<{ payload: Calibration }[]>(
      `SELECT payload FROM calibrations WHERE model = $1 AND ($2::text IS NULL OR payload ->> 'policy' = $2)
       ORDER BY valid_from_day, created_at LIMIT 1`,
      [model, policy ?? null],
    );
    return row?.payload ?? null;
  }

  /**
   * Everything that became known before a time of transactions that were once called fraud by then, in the order of that; read
   * no further than `max` + 1.
   */
  async fraudLabels(beforeMs: number, max: number): Promise<readonly Label[]> {
    type Row = { id: string; fraud: boolean; type: string | null; source: string; known: Date };
    const rows = await this.#patiently((manager) =>
      manager.query<Row[]>(
        `SELECT transaction_id AS id, is_fraud AS fraud, type, source, known_at AS known FROM labels AS label
         WHERE known_at < $1 AND EXISTS (
           SELECT FROM labels AS fraud WHERE fraud.transaction_id = label.transaction_id AND fraud.is_fraud AND fraud.known_at < $1)
         ORDER BY known_at, id LIMIT $2`,
        [new Date(beforeMs), max + 1],
      ),
    );
    return rows.map(({ id, fraud, type, source, known }) => ({
      transactionId: id,
      isFraud: fraud,
      type,
      source,
      knownAtMs: known.getTime(),
    }));
  }

  /** Ids of transactions of a span are known in the backtest too: another transaction under one of them is refused. */
  async copyKnownIds(here: string, { fromMs, toMs }: BacktestSpan): Promise<void> {
    await this.#patiently(async (manager) => {
      const live = await liveSchema(manager);
      await manager.query(
        `INSERT INTO ${here}.transaction_ids
         SELECT * FROM ${live}.transaction_ids WHERE occurred_at >= $1 AND occurred_at < $2 ON CONFLICT DO NOTHING`,
        [new Date(fromMs), new Date(toMs)],
      );
    });
  }

  /** Models and policies by which rows of a span were decided live. */
  async decidedBy({ fromMs, toMs }: BacktestSpan): Promise<readonly { readonly model: string; readonly policy: string }[]> {
    return this.#patiently((manager) =>
      manager.query(
        `SELECT model, policy FROM transactions WHERE occurred_at >= $1 AND occurred_at < $2
         GROUP BY model, policy ORDER BY min(occurred_at), model LIMIT 10`,
        [new Date(fromMs), new Date(toMs)],
      ),
    );
  }

  /**
   * Rows of a backtest (a) and what was decided live (b).
   *
   * @param maturedBeforeMs what is older and has no label is legitimate
   * @param flipsMax so many of each kind are listed, the smallest p-values first
   */
  async pairs(here: string, { fromMs, toMs }: BacktestSpan, maturedBeforeMs: number, flipsMax: number): Promise<BacktestPairs> {
    const span = [new Date(fromMs), new Date(toMs)];
    const matured = new Date(maturedBeforeMs);
    return this.#patiently(async (manager) => {
      const both: BothSchemas = { here, live: await liveSchema(manager) };
      await manager.query(CREATE_PAIRS);
      await manager.query(fillBacktestPairs(both), span);
      await manager.query('ANALYZE scored_pairs');
      const counts = await manager.query<PairCount[]>(countPairs, [matured]);
      const [ranks] = await manager.query<{ correlation: number | null }[]>(rankCorrelation);
      const flips = await manager.query<FlipRow[]>(backtestFlips(both), [matured, flipsMax]);
      const flipsOf = (side: 'a' | 'b'): Flip[] =>
        flips.filter(({ alerting }) => alerting === side).map((row) => flipOf(this.schema, row));
      return {
        everyNth: 1,
        spanMs: toMs - fromMs,
        counts: counts.map(({ a, b, truth, rows }) => ({ a, b, truth, rows })),
        rankCorrelation: ranks?.correlation ?? null,
        onlyA: flipsOf('a'),
        onlyB: flipsOf('b'),
        days: await manager.query<BacktestDay[]>(backtestDays(both), span),
      };
    });
  }

  /** By rising event time, in pieces: memory is bounded by one of them. */
  async *judged(here: string, { fromMs, toMs }: BacktestSpan, maturedBeforeMs: number): AsyncGenerator<readonly JudgedRow[]> {
    type Row = { id: string; at: Date; card: string; outcome: Outcome; fraud: boolean } & Record<
      's' | 't' | 'h' | 'd' | 'fused',
      number
    >;
    let after: [Date, string] = [new Date(fromMs), ''];
    for (;;) {
      const values = [...after, new Date(maturedBeforeMs), new Date(toMs), CHUNK];
      const rows = await this.#patiently((manager) => manager.query<Row[]>(judgedRows({ here }), values));
      if (rows.length === 0) return;
      yield rows.map(({ at, card, outcome, fraud, s, t, h, d, fused }) => ({
        occurredAtMs: at.getTime(),
        card,
        isFraud: fraud,
        alerted: outcome !== 'approve',
        scores: { S: s, T: t, H: h, D: d, F: fused },
      }));
      const last = rows.at(-1)!;
      after = [last.at, last.id];
    }
  }

  /** Weeks of rows take longer than what is served. */
  #patiently<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.live.transaction(async (manager) => {
      await manager.query(`SET LOCAL statement_timeout = ${this.statementTimeoutMs}`);
      return work(manager);
    });
  }
}

/** Whatever the service's database schema is called. */
const liveSchema = async (manager: EntityManager): Promise<string> => {
  const [row] = await manager.query<{ name: string }[]>('SELECT quote_ident(current_schema()) AS name');
  return row!.name;
};
