import type { DataSource } from 'typeorm';
import { PostgresOffsetStore } from '../../../src/store/offset.store.js';
import { PostgresOutboxStore } from '../../../src/store/outbox.store.js';
import { PostgresScoringStore } from '../../../src/store/scoring.store.js';
import { TABLES } from '../../../src/store/tables.js';
import { type Moments, plant, type PlantedBug } from '../../faults/planted-bugs.js';
import { SCHEMA } from '../store-samples.js';
import type { Ledger } from './machine.js';
import type { Contents } from './stream.js';

/** The real stores on a real server, with or without a planted bug. */
export class PostgresLedger implements Ledger {
  readonly scoring: PostgresScoringStore;
  readonly offsets: PostgresOffsetStore;
  readonly outbox: PostgresOutboxStore;
  moments: Moments = {};

  private constructor(private readonly dataSource: DataSource) {
    this.scoring = new PostgresScoringStore(dataSource, SCHEMA);
    this.offsets = new PostgresOffsetStore(dataSource);
    this.outbox = new PostgresOutboxStore(dataSource);
  }

  /** Empties the database. */
  static async create(dataSource: DataSource): Promise<PostgresLedger> {
    await dataSource.query(`TRUNCATE ${TABLES.map(({ options }) => options.name).join()}`);
    return new PostgresLedger(dataSource);
  }

  /** Answers how to take the bug out again. One ledger at a time. */
  static plant(bug: PlantedBug, current: () => PostgresLedger): () => void {
    return plant(bug, () => {
      const { moments } = current();
      current().moments = {};
      return moments;
    });
  }

  async contents(): Promise<Contents> {
    const texts = async (sql: string): Promise<string[]> =>
      (await this.dataSource.query<{ text: string }[]>(`SELECT text FROM (${sql}) AS t(text)`)).map(({ text }) => text);
    const states = await this.dataSource.query<{ id: string; state: Buffer }[]>(
      'SELECT entity_id AS id, state FROM entity_states',
    );
    const [position] = await texts('SELECT next_offset FROM consumer_offsets');
    const [repeats] = await texts('SELECT coalesce(sum(count), 0) FROM repeats');
    const [evidence] = await texts('SELECT coalesce(sum(n), 0) FROM evidence_cells');
    return {
      position: Number(position),
      scored: (await texts('SELECT id FROM transactions')).sort(),
      repeats: Number(repeats),
      deadLetters: (await texts('SELECT position FROM dead_letters')).sort(),
      states: Object.fromEntries(states.map(({ id, state }) => [id, state.toString()])),
      evidence: Number(evidence),
      alerts: (await texts('SELECT transaction_id FROM alerts')).sort(),
    };
  }

  async expireLeases(): Promise<void> {
    await this.dataSource.query(`UPDATE leases SET expires_at = clock_timestamp() - interval '1 second'`);
  }
}
