import { entityKey, type EvidenceColumns, type EvidenceRun } from '../domain/evidence-columns.js';
import type { Activity } from './activity.js';
import { EvidenceCells } from './evidence.js';
import { AMOUNT_BINS } from './markov-filter.js';

/** Evidence for one batch, and what of it stays for later ones. */
export interface EvidenceDelivery {
  readonly runs: readonly EvidenceRun[];
  /** bucketMs, bin, n, nFraud of each cell, in the order of the runs. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** Cells of these entities before this are kept. */
  readonly keepBeforeMs: number;
  /** Keys of entities that are not kept, be they of this batch or not. */
  readonly forget: readonly string[];
}

/** Everything that a batch needs, of which nothing stays. */
export const deliverOnce = ({ runs, numbers }: EvidenceColumns): EvidenceDelivery => ({
  runs,
  numbers,
  keepBeforeMs: -Infinity,
  forget: runs.map(({ entityType, entityId }) => entityKey(entityType, entityId)),
});

/**
 * Evidence that a scoring thread keeps from batch to batch: old cells, which change only by late events and late labels.
 * It decides nothing: whoever delivers says what is still right and what is to stay.
 */
export class EvidenceMemory {
  readonly #kept = new Map<string, EvidenceCells>();

  /**
   * Takes in what was delivered, and lends the cells of every entity in it to the batch's activity.
   *
   * @throws Error when a run follows cells that are not kept
   */
  lend({ runs, numbers }: EvidenceDelivery, activity: Activity): void {
    let at = 0;
    for (const { entityType, entityId, count, isWhole } of runs) {
      const cells = this.#cellsFor(entityKey(entityType, entityId), isWhole);
      cells.reserve(count);
      // Rows that were not learned have no cells; a store that has some is not believed.
      for (const end = at + 4 * count; at < end; at += 4)
        if (numbers[at + 1]! < AMOUNT_BINS) cells.load(numbers[at]!, numbers[at + 1]!, numbers[at + 2]!, numbers[at + 3]!);
      activity.useEvidence(entityType, entityId, cells);
    }
  }

  /** After the batch: what it added is the store's to tell. */
  settle({ runs, keepBeforeMs, forget }: EvidenceDelivery): void {
    for (const key of forget) this.#kept.delete(key);
    for (const { entityType, entityId } of runs) this.#kept.get(entityKey(entityType, entityId))?.cutAt(keepBeforeMs);
  }

  #cellsFor(key: string, isWhole: boolean): EvidenceCells {
    let cells = isWhole ? undefined : this.#kept.get(key);
    if (cells !== undefined) return cells;
    if (!isWhole) throw new Error(`evidence of ${JSON.stringify(key)} was to be continued, but none is kept`);
    cells = new EvidenceCells();
    this.#kept.set(key, cells);
    return cells;
  }
}
