import type { DataSource } from 'typeorm';
import type { Label } from '../domain/label.js';
import type { Transaction } from '../domain/transaction.js';
import { labelsOf } from './label.store.js';
import type { TransactionRow } from './tables.js';

/** A stored transaction as it was served, with everything that became known of it. */
export interface HistoryRow {
  readonly transaction: Transaction;
  readonly featureSet: string;
  /** The served vector. */
  readonly features: Float32Array;
  readonly amountBin: number;
  /** In rising `knownAtMs`; whoever trains as of a time leaves out the later ones. */
  readonly labels: readonly Label[];
}

type Row = Pick<TransactionRow, 'id' | 'entities' | 'currency'> & {
  at: number;
  occurred_at: Date;
  amount: string;
  numeric_fields: (number | null)[];
  categorical_fields: (string | null)[];
  bin: number;
  features: Buffer;
  feature_set: string;
};

const CHUNK_MAX = 50_000;

export class HistoryStore {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Stored transactions with event time in [fromMs, toMs), by rising event time and id, in chunks of at most `chunk`
   * rows: memory is bounded by one chunk. Rows committed meanwhile behind the reader are not seen.
   */
  async *history(fromMs: number, toMs: number, chunk = 5_000): AsyncGenerator<readonly HistoryRow[]> {
    if (!Number.isInteger(chunk) || chunk < 1 || chunk > CHUNK_MAX)
      throw new RangeError(`chunk: ${chunk} is not an integer from 1 to ${CHUNK_MAX}`);
    let after: [Date, string] = [new Date(fromMs), ''];
    for (;;) {
      const rows = await this.dataSource.query<Row[]>(CHUNK_SQL, [...after, new Date(toMs), chunk]);
      if (rows.length === 0) return;
      const labels = await labelsOf(
        this.dataSource,
        rows.map(({ id }) => id),
      );
      yield rows.map((row) => historyRow(row, labels.get(row.id) ?? []));
      const last = rows.at(-1)!;
      after = [last.occurred_at, last.id];
    }
  }
}

/** The empty string sorts before every id, so the first chunk starts at `fromMs` itself. */
const CHUNK_SQL = `
SELECT t.id, t.occurred_at, (extract(epoch FROM t.occurred_at) * 1000)::double precision AS at, t.entities,
  t.amount_minor AS amount, t.currency, t.numeric_fields, t.categorical_fields, t.amount_bin AS bin, t.features, t.feature_set
FROM transactions AS t
WHERE (t.occurred_at, t.id) > ($1, $2) AND t.occurred_at >= $1 AND t.occurred_at < $3
ORDER BY t.occurred_at, t.id
LIMIT $4`;

const historyRow = (row: Row, labels: readonly Label[]): HistoryRow => ({
  transaction: {
    id: row.id,
    occurredAtMs: row.at,
    entities: row.entities,
    amountMinor: Number(row.amount),
    currency: row.currency,
    numeric: row.numeric_fields.map((value) => value ?? NaN),
    categorical: row.categorical_fields,
  },
  featureSet: row.feature_set,
  features: vectorOf(row.features),
  amountBin: row.bin,
  labels,
});

/** A driver's buffer starts anywhere; a float32 view must start at a multiple of 4. */
export const vectorOf = (bytes: Buffer): Float32Array => new Float32Array(Uint8Array.from(bytes).buffer);
