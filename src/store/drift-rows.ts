import type { DataSource } from 'typeorm';
import { DAY_MS, isoDate } from '../domain/time.js';
import type { JudgedRows, ScoredRows, ServedRow, ShareTable } from '../training/ports.js';
import { vectorOf } from './history.store.js';

/** More rows say no more of a day's shares, and are read for longer: of a larger range every nth customer is taken. */
const ROWS_MAX = { day: 100_000, reference: 200_000, labelled: 50_000 };
/** Read at once: parsing them holds the event loop up for some milliseconds. */
const CHUNK = 1_000;

export interface DayRange {
  /** Epoch days (UTC), both included. */
  readonly fromDay: number;
  readonly toDay: number;
}

export interface ServedRange extends DayRange {
  readonly featureSet: string;
  /** p-values of other models' rows are left out, */
  readonly model: string;
  /** and their rows as well. */
  readonly ofModelOnly: boolean;
  /** Labels are those of then; null: none are asked for. */
  readonly labels: { readonly asOfMs: number; readonly delayMs: number } | null;
}

interface LabelledRows extends ScoredRows {
  readonly day: Int32Array;
  readonly labels: Uint8Array;
}

type Row = {
  id: string;
  occurred_at: Date;
  entities: string[];
  categorical_fields: (string | null)[];
  features: Buffer;
  d: number | null;
  fused: number | null;
  label: number;
};

/** The newest label of each labelled transaction of a range, as of a time. */
const LATEST = `SELECT DISTINCT ON (l.transaction_id) l.transaction_id AS id, l.is_fraud
  FROM labels AS l JOIN transaction_ids AS i ON i.id = l.transaction_id
  WHERE i.occurred_at >= $1 AND i.occurred_at < $2 AND l.known_at <= $3
  ORDER BY l.transaction_id, l.known_at DESC, l.id DESC`;

/** A transaction without entities is one of its own. */
const CUSTOMER = 'coalesce(t.entities[1], t.id)';

const bounds = ({ fromDay, toDay }: DayRange): [Date, Date] => [new Date(fromDay * DAY_MS), new Date((toDay + 1) * DAY_MS)];

/** Stored rows as drift looks at them. */
export class DriftRowReader {
  constructor(
    private readonly dataSource: DataSource,
    private readonly rowsMax = ROWS_MAX,
  ) {}

  /** By rising event time, in chunks; all rows of a customer or none. */
  async *served(range: ServedRange, use: 'day' | 'reference'): AsyncGenerator<readonly ServedRow[]> {
    const [from, to] = bounds(range);
    const nth = await this.#nth(range, this.rowsMax[use]);
    const { model, featureSet, ofModelOnly, labels } = range;
    const asOf = new Date(labels?.asOfMs ?? 0);
    const maturedBefore = new Date((labels?.asOfMs ?? 0) - (labels?.delayMs ?? 0));
    let after: [Date, string] = [from, ''];
    for (;;) {
      const rows = await this.dataSource.query<Row[]>(SERVED_SQL, [
        ...after,
        to,
        featureSet,
        model,
        ofModelOnly,
        nth,
        asOf,
        maturedBefore,
        labels !== null,
        CHUNK,
      ]);
      if (rows.length === 0) return;
      yield rows.map(servedRow);
      const last = rows.at(-1)!;
      after = [last.occurred_at, last.id];
    }
  }

  /** Frauds of a day by customer, as `summariseLabels` counts them. @param asOfMs labels that were known then */
  async maturedShares(day: number, asOfMs: number): Promise<ShareTable> {
    const [row] = await this.dataSource.query<Record<'n' | 'nn' | 'y' | 'yy' | 'yn', number>[]>(
      `WITH latest AS (${LATEST}), by_customer AS (
         SELECT count(*)::double precision AS n, (count(*) FILTER (WHERE f.is_fraud))::double precision AS y
         FROM transactions AS t LEFT JOIN latest AS f ON f.id = t.id
         WHERE t.occurred_at >= $1 AND t.occurred_at < $2
         GROUP BY ${CUSTOMER}
       )
       SELECT coalesce(sum(n), 0) AS n, coalesce(sum(n * n), 0) AS nn, coalesce(sum(y), 0) AS y, coalesce(sum(y * y), 0) AS yy,
         coalesce(sum(y * n), 0) AS yn FROM by_customer`,
      [...bounds({ fromDay: day, toDay: day }), new Date(asOfMs)],
    );
    const { n, nn, y, yy, yn } = row!;
    return { rows: n, rowSquares: nn, counts: [y], countSquares: [yy], products: [yn] };
  }

  /** Alerts and frauds among the rows that a model decided. */
  async judged(model: string, range: DayRange, asOfMs: number): Promise<JudgedRows> {
    return this.#labelled(model, range, asOfMs, true);
  }

  /** All rows that a model gave a fraud probability. */
  async scored(model: string, range: DayRange, asOfMs: number): Promise<LabelledRows> {
    return this.#labelled(model, range, asOfMs, false);
  }

  async #labelled(model: string, range: DayRange, asOfMs: number, isJudged: boolean): Promise<LabelledRows> {
    type Labelled = { customer: number; day: number; alerted: number; fraud: number; probability: number | null };
    const rows = await this.dataSource.query<Labelled[]>(
      `WITH latest AS (${LATEST})
       SELECT dense_rank() OVER (ORDER BY ${CUSTOMER})::integer AS customer, (t.outcome <> 'approve')::integer AS alerted,
         floor(extract(epoch FROM t.occurred_at) / 86400)::integer AS day, coalesce(f.is_fraud, false)::integer AS fraud,
         t.fraud_probability AS probability
       FROM transactions AS t LEFT JOIN latest AS f ON f.id = t.id
       WHERE t.occurred_at >= $1 AND t.occurred_at < $2 AND t.model = $4 AND t.fused_minus_log10_p IS NOT NULL
         AND CASE WHEN $5 THEN t.outcome <> 'approve' OR f.is_fraud ELSE t.fraud_probability IS NOT NULL END
         AND ($6 = 1 OR hashtextextended(${CUSTOMER}, 0) % $6 = 0)`,
      [...bounds(range), new Date(asOfMs), model, isJudged, await this.#nth(range, this.rowsMax.labelled, isJudged)],
    );
    const pick = (name: 'customer' | 'day' | 'alerted' | 'fraud'): number[] => rows.map((row) => row[name]);
    return {
      entities: Int32Array.from(pick('customer')),
      day: Int32Array.from(pick('day')),
      alerted: Uint8Array.from(pick('alerted')),
      labels: Uint8Array.from(pick('fraud')),
      probabilities: Float64Array.from(rows, ({ probability }) => probability ?? 0),
    };
  }

  async #nth({ fromDay, toDay }: DayRange, rowsMax: number, alertsOnly = false): Promise<number> {
    const [counted] = await this.dataSource.query<{ rows: number; alerts: number }[]>(
      `SELECT coalesce(sum(transactions), 0)::double precision AS rows, coalesce(sum(alerts), 0)::double precision AS alerts
       FROM day_counts WHERE day >= $1::date AND day <= $2::date`,
      [isoDate(fromDay * DAY_MS), isoDate(toDay * DAY_MS)],
    );
    return Math.max(1, Math.ceil((alertsOnly ? counted!.alerts : counted!.rows) / rowsMax));
  }
}

/** $1, $2: after which row; $3: before which time; $4 to $7: which rows; $8 to $10: labels; $11: how many. */
const SERVED_SQL = `
SELECT t.id, t.occurred_at, t.entities, t.categorical_fields, t.features,
  CASE WHEN t.model = $5 THEN t.d_minus_log10_p END AS d,
  CASE WHEN t.model = $5 THEN t.fused_minus_log10_p END AS fused,
  CASE WHEN NOT $10 OR t.occurred_at > $9 THEN -1 ELSE coalesce((
    SELECT l.is_fraud::integer FROM labels AS l WHERE l.transaction_id = t.id AND l.known_at <= $8
    ORDER BY l.known_at DESC, l.id DESC LIMIT 1), 0) END AS label
FROM transactions AS t
WHERE (t.occurred_at, t.id) > ($1, $2) AND t.occurred_at >= $1 AND t.occurred_at < $3 AND t.feature_set = $4
  AND (NOT $6 OR t.model = $5) AND ($7 = 1 OR hashtextextended(${CUSTOMER}, 0) % $7 = 0)
ORDER BY t.occurred_at, t.id
LIMIT $11`;

const servedRow = (row: Row): ServedRow => ({
  id: row.id,
  occurredAtMs: row.occurred_at.getTime(),
  entities: row.entities,
  categorical: row.categorical_fields,
  features: vectorOf(row.features),
  minusLog10P: row.d === null || row.fused === null ? null : { D: row.d, fused: row.fused },
  label: row.label,
});
