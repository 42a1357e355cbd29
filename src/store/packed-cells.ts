import { EvidenceColumns, type EvidenceRun } from '../domain/evidence-columns.js';

const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);
/** int8 bucket, int2 bin, int4 n, int4 n_fraud. */
const CELL_BYTES = 18;

/** The cells of some entities as `readEvidence` packs them; null: none. */
export const unpackCells = (
  packed: readonly (Omit<EvidenceRun, 'count'> & { readonly cells: Buffer | null })[],
  frozenBeforeMs: number,
): EvidenceColumns => {
  const runs = packed.map(({ cells, ...run }) => ({ ...run, count: (cells?.length ?? 0) / CELL_BYTES }));
  const numbers = new Float64Array(4 * runs.reduce((sum, { count }) => sum + count, 0));
  let to = 0;
  for (const { cells } of packed) {
    if (cells === null) continue;
    for (let from = 0; from < cells.length; from += CELL_BYTES) {
      const microseconds = cells.readInt32BE(from) * 2 ** 32 + cells.readUInt32BE(from + 4);
      numbers[to] = microseconds / 1000 + POSTGRES_EPOCH_MS;
      numbers[to + 1] = cells.readInt16BE(from + 8);
      numbers[to + 2] = cells.readInt32BE(from + 10);
      numbers[to + 3] = cells.readInt32BE(from + 14);
      to += 4;
    }
  }
  return new EvidenceColumns(runs, numbers, frozenBeforeMs);
};
