/** As an evidence cell of scoring/ports.ts. */
interface Cell {
  readonly entityType: string;
  readonly entityId: string;
  readonly bucketMs: number;
  readonly bin: number;
  readonly n: number;
  readonly nFraud: number;
}

/** A secondary entity whose evidence a batch reads. */
export interface EvidenceWanted {
  readonly entityType: string;
  readonly entityId: string;
  /** Cells with bucketMs at or after this are wanted. */
  readonly fromMs: number;
  /** Those before `untilMs` are at hand, as they were at this revision of the entity; null: none are. */
  readonly kept: { readonly untilMs: number; readonly revision: number } | null;
}

/** Consecutive cells of one entity. */
export interface EvidenceRun {
  readonly entityType: string;
  readonly entityId: string;
  readonly count: number;
  /** All that was wanted; false: what is at hand is still right, and these follow it. */
  readonly isWhole: boolean;
  readonly revision: number;
}

export const entityKey = (entityType: string, entityId: string): string => `${entityType}\n${entityId}`;

/**
 * Evidence cells on their way from the store to the thread that scores, in two arrays. A batch looks back on a hundred cells
 * a row: as objects, kept and cloned, they cost more than all the rest of the line.
 */
export class EvidenceColumns implements Iterable<Cell> {
  /**
   * @param numbers bucketMs, bin, n, nFraud of each cell, in the order of the runs
   * @param frozenBeforeMs cells before this are here or at hand, and change only together with their entity's revision
   */
  constructor(
    readonly runs: readonly EvidenceRun[],
    readonly numbers: Float64Array<ArrayBuffer>,
    readonly frozenBeforeMs = -Infinity,
  ) {}

  /** All that was wanted of a store that keeps no revisions; cells of an entity follow each other. */
  static of(cells: Iterable<Cell>): EvidenceColumns {
    const runs: { entityType: string; entityId: string; count: number; isWhole: true; revision: 0 }[] = [];
    const numbers: number[] = [];
    for (const { entityType, entityId, bucketMs, bin, n, nFraud } of cells) {
      const last = runs.at(-1);
      if (last?.entityId === entityId && last.entityType === entityType) last.count += 1;
      else runs.push({ entityType, entityId, count: 1, isWhole: true, revision: 0 });
      numbers.push(bucketMs, bin, n, nFraud);
    }
    return new EvidenceColumns(runs, Float64Array.from(numbers));
  }

  *[Symbol.iterator](): Generator<Cell> {
    const { runs, numbers } = this;
    let at = 0;
    for (const { entityType, entityId, count } of runs)
      for (const end = at + 4 * count; at < end; at += 4) {
        const [bucketMs, bin, n, nFraud] = [numbers[at]!, numbers[at + 1]!, numbers[at + 2]!, numbers[at + 3]!];
        yield { entityType, entityId, bucketMs, bin, n, nFraud };
      }
  }
}
