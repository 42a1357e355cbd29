import type { TransactionSchema } from '../domain/transaction-schema.js';
import type { EvidenceCell } from '../scoring/ports.js';

/** Secondary entities gather evidence; their cells are found again from the stored transaction alone. */
export interface CellOwner {
  readonly entities: readonly string[];
  readonly occurredAtMs: number;
  readonly amountBin: number;
}

export type CellKey = Pick<EvidenceCell, 'entityType' | 'entityId' | 'bucketMs' | 'bin'>;

/** Keys of the cells that a transaction counts in: one for each secondary entity. */
export const cellKeys = (schema: TransactionSchema, row: CellOwner): CellKey[] =>
  schema.entities.slice(1).flatMap(({ name, bucketSeconds }, i) => {
    const entityId = row.entities[i + 1];
    const width = bucketSeconds * 1000;
    if (entityId === undefined) return [];
    return [{ entityType: name, entityId, bucketMs: Math.floor(row.occurredAtMs / width) * width, bin: row.amountBin }];
  });

/** Adds up by key: a statement may name each row only once. */
export class CellSums {
  readonly #cells = new Map<string, CellKey & { n: number; nFraud: number }>();

  add({ entityType, entityId, bucketMs, bin }: CellKey, n: number, nFraud: number): void {
    const text = cellText({ entityType, entityId, bucketMs, bin });
    const cell = this.#cells.get(text);
    if (!cell) this.#cells.set(text, { entityType, entityId, bucketMs, bin, n, nFraud });
    else {
      cell.n += n;
      cell.nFraud += nFraud;
    }
  }

  /** Adds a known fraud to a cell that is there; a transaction that counted nowhere stays uncounted. */
  addFraud(key: CellKey): void {
    const cell = this.#cells.get(cellText(key));
    if (cell) cell.nFraud += 1;
  }

  cells(): EvidenceCell[] {
    return [...this.#cells.values()].filter((cell) => cell.n !== 0 || cell.nFraud !== 0);
  }
}

const cellText = (key: CellKey): string => JSON.stringify([key.entityType, key.entityId, key.bucketMs, key.bin]);
