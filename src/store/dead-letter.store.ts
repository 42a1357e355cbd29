import type { DataSource } from 'typeorm';
import { type DeadLetter, DeadLetterSink } from '../scoring/ports.js';
import { holdPublication } from './locks.js';
import { deadLetterJson } from './row-json.js';
import { insertDeadLetters } from './sql/insert-dead-letters.sql.js';
import { DeadLetters } from './tables.js';

/** Dead letters of consumers that have no batch of their own to commit them with. */
export class DeadLetterStore extends DeadLetterSink {
  constructor(private readonly dataSource: DataSource) {
    super();
  }

  /** A position that is stored already is left as it is; the lock keeps two writers from both finding it absent. */
  override async keep(deadLetters: readonly DeadLetter[]): Promise<void> {
    if (deadLetters.length === 0) return;
    await this.dataSource.transaction(async (manager) => {
      await holdPublication(manager);
      await manager.query(insertDeadLetters, [JSON.stringify(deadLetters.map(deadLetterJson)), true, true]);
    });
  }

  /** The original bytes, or null. */
  async bytes(id: string): Promise<Uint8Array | null> {
    const row = await this.dataSource.getRepository(DeadLetters).findOne({ select: { bytes: true }, where: { id } });
    return row?.bytes ?? null;
  }
}
