import type { DataSource } from 'typeorm';
import { DAY_MS } from '../domain/time.js';

/** Months away from the newest event that still get a partition of their own; the rest lies in `transactions_other`. */
const MONTHS_AWAY_MAX = 24;

const YEARS = { first: 1970, last: 2200 };

interface Month {
  /** "2026_01". */
  readonly name: string;
  readonly from: Date;
  readonly to: Date;
}

/** Months of `transactions`, made before the first row of each is written. */
export class Partitions {
  readonly #known = new Set<string>();

  constructor(private readonly dataSource: DataSource) {}

  /** Makes what is missing for rows of these times, UTC epoch milliseconds. Several writers may do so at once. */
  async ensure(occurredAtMs: Iterable<number>): Promise<void> {
    const missing = new Map<string, Month>();
    // A batch has thousands of times and few days.
    const days = new Set<number>();
    for (const ms of occurredAtMs) days.add(Math.floor(ms / DAY_MS));
    for (const day of days) {
      const month = monthOf(day * DAY_MS);
      if (!this.#known.has(month.name)) missing.set(month.name, month);
    }
    for (const month of missing.values()) {
      await this.#make(month);
      this.#known.add(month.name);
    }
  }

  async #make({ name, from, to }: Month): Promise<void> {
    if (from.getUTCFullYear() < YEARS.first || from.getUTCFullYear() > YEARS.last) return;
    const newest = await newestDay(this.dataSource);
    if (newest && Math.abs(monthsBetween(newest, from)) > MONTHS_AWAY_MAX) return;
    try {
      await impatiently(
        this.dataSource,
        `CREATE TABLE IF NOT EXISTS transactions_${name} PARTITION OF transactions
         FOR VALUES FROM ('${from.toISOString()}') TO ('${to.toISOString()}')`,
      );
    } catch (error) {
      // Another writer was faster; or somebody reads the table for long, and everybody would wait behind us; or rows of this
      // month lie in `transactions_other` already. There more may follow.
      if (!hasCode(error, [...TAKEN, LOCK_NOT_AVAILABLE])) throw error;
    }
  }

  /**
   * Drops the months that ended at or before `beforeMs`, and rows of `transactions_other` older than that.
   *
   * @returns names of the dropped partitions
   * @throws Error where somebody reads one of them for long: another time will do
   */
  async dropBefore(beforeMs: number): Promise<readonly string[]> {
    const names = await this.dataSource.query<{ name: string }[]>(
      `SELECT c.relname AS name FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
       WHERE i.inhparent = 'transactions'::regclass AND c.relname ~ '^transactions_\\d{4}_\\d{2}$' ORDER BY 1`,
    );
    const old = names.map(({ name }) => name).filter((name) => monthNamed(name).to.getTime() <= beforeMs);
    for (const name of old) {
      await impatiently(this.dataSource, `DROP TABLE IF EXISTS ${name}`);
      this.#known.delete(name.slice('transactions_'.length));
    }
    await this.dataSource.query('DELETE FROM transactions_other WHERE occurred_at < $1', [new Date(beforeMs)]);
    return old;
  }
}

/** Start of the newest event day in UTC; null before the first row. */
export const newestDay = async (dataSource: DataSource): Promise<Date | null> => {
  const [newest] = await dataSource.query<{ day: Date | null }[]>(
    `SELECT max(day)::timestamp AT TIME ZONE 'UTC' AS day FROM day_counts`,
  );
  return newest?.day ?? null;
};

const monthOf = (ms: number): Month => {
  const at = new Date(ms);
  return monthAt(at.getUTCFullYear(), at.getUTCMonth());
};

const monthNamed = (table: string): Month => {
  const [year, month] = table.slice(-7).split('_').map(Number);
  return monthAt(year!, month! - 1);
};

const monthAt = (year: number, month: number): Month => ({
  name: `${String(year).padStart(4, '0')}_${String(month + 1).padStart(2, '0')}`,
  from: new Date(Date.UTC(year, month)),
  to: new Date(Date.UTC(year, month + 1)),
});

const monthsBetween = (a: Date, b: Date): number =>
  12 * (b.getUTCFullYear() - a.getUTCFullYear()) + b.getUTCMonth() - a.getUTCMonth();

/** Relation or type exists; unique violation in the catalog; rows of the default partition belong here; overlap. */
const TAKEN = ['42P07', '42710', '23505', '23514', '42P17'];
const LOCK_NOT_AVAILABLE = '55P03';
const hasCode = (error: unknown, codes: readonly string[]): boolean =>
  error instanceof Error && 'code' in error && codes.includes(String(error.code));

/** Waits for the table's lock for two seconds at most: all other statements wait behind whoever asks for it. */
const impatiently = (dataSource: DataSource, statement: string): Promise<void> =>
  dataSource.transaction(async (manager) => {
    await manager.query(`SET LOCAL lock_timeout = '2s'`);
    await manager.query(statement);
  });
