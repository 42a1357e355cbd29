/** As an evidence cell of scoring/ports.ts. */
interface Cell {
  readonly entityType: string;
  readonly entityId: string;
  readonly bucketMs: number;
  readonly bin: number;
  readonly n: number;
  readonly nFraud: number;
}

/** Consecutive cells of one entity. */
export interface CellRun {
  readonly entityType: string;
  readonly entityId: string;
  readonly count: number;
}

/**
 * Evidence cells on their way from the store to the thread that scores, in two arrays. A batch looks back on a hundred cells
 * a row: as objects, kept and cloned, they cost more than all the rest of the line.
 */
export class EvidenceColumns implements Iterable<Cell> {
  /** @param numbers bucketMs, bin, n, nFraud of each cell, in the order of the runs */
  constructor(
    readonly runs: readonly CellRun[],
    readonly numbers: Float64Array,
  ) {}

  static of(cells: Iterable<Cell>): EvidenceColumns {
    if (cells instanceof EvidenceColumns) return cells;
    const runs: { entityType: string; entityId: string; count: number }[] = [];
    const numbers: number[] = [];
    for (const { entityType, entityId, bucketMs, bin, n, nFraud } of cells) {
      const last = runs.at(-1);
      if (last?.entityId === entityId && last.entityType === entityType) last.count += 1;
      else runs.push({ entityType, entityId, count: 1 });
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
