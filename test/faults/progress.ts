import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { TopicNames } from '../../src/stream/topics.js';

/** A run that will never be done: records are lost, or nobody works any more. */
export class StallError extends Error {
  override readonly name = 'StallError';
}

/** How far a run has come, asked of its database, which may be away for a while. */
export class Progress {
  constructor(
    private readonly databaseUrl: string,
    private readonly topics: TopicNames,
    private readonly stallLimitMs = 120_000,
  ) {}

  /** Answers the records that are committed by then. */
  async reaches(records: number, labels: number): Promise<number> {
    return this.#until(`${records} records and ${labels} labels are read`, async () => {
      const sumOf = async (topic: string): Promise<number> =>
        [...(await this.#positions(topic)).values()].reduce((sum, position) => sum + Number(position), 0);
      const [read, known] = [await sumOf(this.topics.transactions), await sumOf(this.topics.labels)];
      return { isDone: read >= records && known >= labels, state: read + known, answer: read };
    });
  }

  async passes(ends: ReadonlyMap<number, bigint>): Promise<void> {
    await this.#until('every partition is read so far', async () => {
      const positions = await this.#positions(this.topics.transactions);
      const left = [...ends].filter(([partition, end]) => (positions.get(partition) ?? 0n) < end);
      return { isDone: left.length === 0, state: [...positions.values()].join(), answer: undefined };
    });
  }

  /** Everything that was committed to be published is on its topic. */
  async empties(): Promise<void> {
    await this.#until('the outbox is empty', async () => {
      const [row] = await this.#ask<{ n: number }>('SELECT count(*)::int AS n FROM outbox WHERE published_at IS NULL', []);
      return { isDone: row!.n === 0, state: row!.n, answer: undefined };
    });
  }

  async #until<T>(
    what: string,
    look: () => Promise<{ readonly isDone: boolean; readonly state: unknown; readonly answer: T }>,
  ): Promise<T> {
    let state: unknown;
    for (let stalledMs = 0; ; stalledMs += 50) {
      // Killed, frozen or locked: asked again.
      const seen = await look().catch(() => null);
      if (seen?.isDone) return seen.answer;
      if (seen && seen.state !== state) stalledMs = 0;
      if (seen) state = seen.state;
      if (stalledMs > this.stallLimitMs)
        throw new StallError(`not ${what}: no progress for ${this.stallLimitMs / 1000} s at ${String(state)}`);
      await sleep(50);
    }
  }

  async #positions(topic: string): Promise<ReadonlyMap<number, bigint>> {
    const rows = await this.#ask<{ partition: number; position: string }>(
      'SELECT partition, next_offset AS position FROM consumer_offsets WHERE topic = $1',
      [topic],
    );
    return new Map(rows.map(({ partition, position }) => [partition, BigInt(position)]));
  }

  async #ask<T extends pg.QueryResultRow>(sql: string, values: readonly unknown[]): Promise<readonly T[]> {
    const client = new pg.Client({ connectionString: this.databaseUrl, connectionTimeoutMillis: 2_000, query_timeout: 2_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await client.query<T>(sql, [...values])).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
