import type { PoolClient } from 'pg';
import { from } from 'pg-copy-streams';
import type { DataSource, EntityManager } from 'typeorm';

/** What every batch does: prepared statements and COPY. TypeORM has neither. */
export class HotConnection {
  private constructor(private readonly client: Pick<PoolClient, 'query'>) {}

  /** The connection of a database transaction. */
  static async of(manager: EntityManager): Promise<HotConnection> {
    // What the driver's own query runner holds; TypeORM's types leave it open.
    return new HotConnection((await manager.queryRunner!.connect()) as PoolClient);
  }

  /** Any connection of the pool, for statements that stand alone. */
  static pooled(dataSource: DataSource): HotConnection {
    return new HotConnection((dataSource.driver as unknown as { readonly master: PoolClient }).master);
  }

  /** Planned once for each connection. @param name stands for this text alone */
  async query<T extends object>(name: string, text: string, values: readonly unknown[]): Promise<T[]> {
    return (await this.client.query<T>({ name, text, values: [...values] })).rows;
  }

  /** @param rows all of them, in COPY's binary format */
  copy(statement: string, rows: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const stream = (this.client as PoolClient).query(from(statement));
      stream.once('finish', resolve);
      stream.once('error', reject);
      stream.end(rows);
    });
  }
}
