import type { DataSource } from 'typeorm';
import { type OutboxLease, type OutboxRow, OutboxStore } from '../scoring/ports.js';
import { markPublished } from './sql/mark-published.sql.js';

export class PostgresOutboxStore extends OutboxStore {
  constructor(private readonly dataSource: DataSource) {
    super();
  }

  /** Each acquisition has a new epoch, also by the same holder: what it did before is told apart. */
  override async acquireLease(name: string, holder: string, ttlMs: number): Promise<{ readonly epoch: bigint } | null> {
    const [row] = await this.dataSource.query<{ epoch: string }[]>(
      `INSERT INTO leases AS stored (name, holder, epoch, expires_at)
       VALUES ($1, $2, 1, clock_timestamp() + $3 * interval '1 millisecond')
       ON CONFLICT (name) DO UPDATE
         SET holder = excluded.holder, epoch = stored.epoch + 1, expires_at = excluded.expires_at
         WHERE stored.holder = excluded.holder OR stored.expires_at <= clock_timestamp()
       RETURNING epoch`,
      [name, holder, ttlMs],
    );
    return row ? { epoch: BigInt(row.epoch) } : null;
  }

  override async renewLease(name: string, holder: string, epoch: bigint, ttlMs: number): Promise<boolean> {
    const [, renewed] = await this.dataSource.query<[unknown[], number]>(
      `UPDATE leases SET expires_at = clock_timestamp() + $4 * interval '1 millisecond'
       WHERE name = $1 AND holder = $2 AND epoch = $3 AND expires_at > clock_timestamp()`,
      [name, holder, epoch.toString(), ttlMs],
    );
    return renewed === 1;
  }

  override async unpublished(limit: number): Promise<readonly OutboxRow[]> {
    type Row = {
      id: string;
      kind: OutboxRow['kind'];
      key: string | null;
      payload: Buffer;
      headers: Record<string, string>;
    };
    const rows = await this.dataSource.query<Row[]>(
      `SELECT o.id, o.kind, o.key, coalesce(o.payload, d.bytes) AS payload, o.headers
       FROM outbox AS o LEFT JOIN dead_letters AS d ON d.id = o.dead_letter_id
       WHERE o.published_at IS NULL
       ORDER BY o.id
       LIMIT $1`,
      [limit],
    );
    return rows.map((row) => ({
      ...row,
      id: BigInt(row.id),
      payload: row.kind === 'alert' ? row.payload.toString('utf8') : row.payload,
    }));
  }

  override async markPublished(ids: readonly bigint[], lease: OutboxLease): Promise<boolean> {
    const [row] = await this.dataSource.query<{ held: boolean }[]>(markPublished, [
      ids.map(String),
      lease.name,
      lease.holder,
      lease.epoch.toString(),
    ]);
    return row?.held === true;
  }

  override async lag(): Promise<{ readonly count: number; readonly oldestSeconds: number }> {
    const [row] = await this.dataSource.query<{ count: string; age: number }[]>(
      `SELECT count(*) AS count,
              coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::double precision AS age
       FROM outbox WHERE published_at IS NULL`,
    );
    return { count: Number(row?.count), oldestSeconds: Math.max(0, row?.age ?? 0) };
  }
}
