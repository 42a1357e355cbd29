import type { DataSource } from 'typeorm';
import { Settings } from './tables.js';

/** Small facts of this database, such as the demo's seed. The reader checks what it gets. */
export class SettingsStore {
  constructor(private readonly dataSource: DataSource) {}

  /** Null when nothing is stored under the key. */
  async get(key: string): Promise<unknown> {
    const row = await this.dataSource.getRepository(Settings).findOneBy({ key });
    return row?.value ?? null;
  }

  /** @param value anything JSON can hold */
  async set(key: string, value: unknown): Promise<void> {
    await this.dataSource.query(
      `INSERT INTO settings (key, value) VALUES ($1, $2::jsonb) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      [key, JSON.stringify(value)],
    );
  }

  /** True when the database holds transactions: the demo must not run in a database that holds other data. */
  async hasTransactions(): Promise<boolean> {
    const [row] = await this.dataSource.query<{ found: boolean }[]>(`SELECT EXISTS (SELECT FROM transaction_ids) AS found`);
    return row?.found === true;
  }
}
