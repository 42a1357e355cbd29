import type { DataSource } from 'typeorm';
import { isoDate } from '../domain/time.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { type PairCount, type PairsWanted, type ScoredPairs, ShadowStore } from '../training/ports.js';
import { PostgresCalibrationStore } from './calibration.store.js';
import { flipOf, type FlipRow } from './flip-rows.js';
import {
  countPairs,
  CREATE_PAIRS,
  fillPairs,
  listFlips,
  NESTED_LOOPS,
  NO_NESTED_LOOPS,
  rankCorrelation,
} from './sql/scored-pairs.sql.js';

/** More say no more of shares and ranks, and take long to join: the limit of a statement is 30 s. */
const ROWS_MAX = 200_000;

/** What versions said of the same rows. */
export class PostgresShadowStore extends ShadowStore {
  constructor(
    private readonly dataSource: DataSource,
    private readonly rowsMax = ROWS_MAX,
  ) {
    super();
  }

  override async newestMs(): Promise<number | null> {
    const [row] = await this.dataSource.query<{ at: Date | null }[]>('SELECT max(occurred_at) AS at FROM transactions');
    return row?.at?.getTime() ?? null;
  }

  override async pairs(wanted: PairsWanted, schema: TransactionSchema, examplesMax: number): Promise<ScoredPairs> {
    const everyNth = await this.#everyNth(wanted);
    const { counts, ranks, flips } = await this.dataSource.transaction(async (manager) => {
      for (const statement of [CREATE_PAIRS, NO_NESTED_LOOPS]) await manager.query(statement);
      await manager.query(fillPairs, [wanted.a, wanted.b, new Date(wanted.fromMs), new Date(wanted.toMs), everyNth]);
      for (const statement of [NESTED_LOOPS, 'ANALYZE scored_pairs']) await manager.query(statement);
      const matured = new Date(wanted.maturedBeforeMs);
      return {
        counts: await manager.query<CountRow[]>(countPairs, [matured]),
        ranks: await manager.query<{ correlation: number | null }[]>(rankCorrelation),
        flips: await manager.query<ShadowFlipRow[]>(listFlips, [matured, examplesMax]),
      };
    });
    // Of the rows that both decided, as the counts a day are.
    const times = counts.flatMap(({ a, b, first, last }) => (a === null || b === null ? [] : [first.getTime(), last.getTime()]));
    return {
      everyNth,
      spanMs: times.length === 0 ? 0 : Math.max(...times) - Math.min(...times),
      counts: counts.map(({ a, b, truth, rows }) => ({ a, b, truth, rows })),
      rankCorrelation: ranks[0]?.correlation ?? null,
      onlyA: flips.filter(({ alerting }) => alerting === 'a').map((row) => flipOf(schema, withSentences(wanted, row))),
      onlyB: flips.filter(({ alerting }) => alerting === 'b').map((row) => flipOf(schema, withSentences(wanted, row))),
    };
  }

  async #everyNth({ fromMs, toMs }: PairsWanted): Promise<number> {
    const [counted] = await this.dataSource.query<{ rows: number }[]>(
      `SELECT coalesce(sum(transactions), 0)::double precision AS rows FROM day_counts WHERE day >= $1::date AND day <= $2::date`,
      [isoDate(fromMs), isoDate(toMs)],
    );
    return Math.max(1, Math.ceil((counted?.rows ?? 0) / this.rowsMax));
  }
}

interface CountRow extends PairCount {
  first: Date;
  last: Date;
}

/** A challenger's alerts have no sentence: nothing is explained in shadow. */
interface ShadowFlipRow extends Omit<FlipRow, 'sentence_a' | 'sentence_b'> {
  model: string;
  sentence: string | null;
}

const withSentences = ({ a, b }: PairsWanted, { sentence, ...row }: ShadowFlipRow): FlipRow => ({
  ...row,
  sentence_a: row.model === a ? sentence : null,
  sentence_b: row.model === b ? sentence : null,
});

/** A challenger's calibrations: its level follows the alerts that it would have raised, not those that were. */
export class ShadowCalibrationStore extends PostgresCalibrationStore {
  constructor(
    private readonly source: DataSource,
    private readonly version: string,
  ) {
    super(source);
  }

  override async countAlerts(fromMs: number, toMs: number): Promise<{ readonly rows: number; readonly alerts: number }> {
    const [counts] = await this.source.query<{ rows: number; alerts: number }[]>(
      `SELECT count(outcome)::double precision AS rows, count(*) FILTER (WHERE outcome <> 'approve')::double precision AS alerts
       FROM shadow_scores WHERE version = $1 AND occurred_at >= $2 AND occurred_at < $3`,
      [this.version, new Date(fromMs), new Date(toMs)],
    );
    return counts!;
  }
}
