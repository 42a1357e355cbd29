import type { DataSource } from 'typeorm';
import type { Label } from '../domain/label.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { CellSums, cellKeys, type CellOwner } from './evidence-keys.js';
import { holdLabels } from './locks.js';
import { addKnownFrauds } from './sql/add-known-frauds.sql.js';

/** Where a transaction counts, and whether its cells count it as a fraud. */
export type RememberedCell = CellOwner & { readonly isFraud: boolean };

/** Labels of transactions that the database remembers by their cells alone, because it never stored them. */
export class RememberedFrauds {
  readonly #cells = new Map<string, RememberedCell>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly schema: TransactionSchema,
  ) {}

  /** @param cells by transaction id */
  expect(cells: Iterable<readonly [string, RememberedCell]>): void {
    for (const [id, cell] of cells) this.#cells.set(id, cell);
  }

  has(transactionId: string): boolean {
    return this.#cells.has(transactionId);
  }

  /** @param labels in the order in which they became known: the last one of a transaction counts */
  async apply(labels: readonly Label[]): Promise<void> {
    const sums = new CellSums();
    for (const { transactionId, isFraud } of labels) {
      const cell = this.#cells.get(transactionId);
      if (!cell || cell.isFraud === isFraud) continue;
      for (const key of cellKeys(this.schema, cell)) sums.add(key, 0, isFraud ? 1 : -1);
      this.#cells.set(transactionId, { ...cell, isFraud });
    }
    const cells = sums.cells();
    if (cells.length === 0) return;
    await this.dataSource.transaction(async (manager) => {
      await holdLabels(manager);
      await manager.query(addKnownFrauds, [JSON.stringify(cells)]);
    });
  }
}
