import type { TransactionSchema } from '../domain/transaction-schema.js';

/** Secondary entities gather evidence; their cells are found again from the stored transaction alone. */
export interface CellOwner {
  readonly entities: readonly string[];
  readonly occurredAtMs: number;
  readonly amountBin: number;
}

export interface CellKey {
  readonly type: string;
  readonly id: string;
  readonly bucket: number;
  readonly bin: number;
}

/** Keys of the cells that a transaction counts in: one for each secondary entity. */
export const cellKeys = (schema: TransactionSchema, row: CellOwner): CellKey[] =>
  schema.entities.slice(1).flatMap(({ name, bucketSeconds }, i) => {
    const id = row.entities[i + 1];
    const width = bucketSeconds * 1000;
    return id === undefined ? [] : [{ type: name, id, bucket: Math.floor(row.occurredAtMs / width) * width, bin: row.amountBin }];
  });

export const cellText = (key: CellKey): string => JSON.stringify([key.type, key.id, key.bucket, key.bin]);

/** Adds up by key: a statement may name each row only once. */
export class CellSums {
  readonly #cells = new Map<string, CellKey & { n: number; n_fraud: number }>();

  add(key: CellKey, n: number, nFraud: number): void {
    const text = cellText(key);
    const cell = this.#cells.get(text);
    if (!cell) this.#cells.set(text, { ...key, n, n_fraud: nFraud });
    else {
      cell.n += n;
      cell.n_fraud += nFraud;
    }
  }

  /** Adds known frauds to a cell that is there; a transaction that counted nowhere stays uncounted. */
  addFraud(key: CellKey): void {
    const cell = this.#cells.get(cellText(key));
    if (cell) cell.n_fraud += 1;
  }

  rows(): object[] {
    return [...this.#cells.values()].filter((cell) => cell.n !== 0 || cell.n_fraud !== 0);
  }
}
