import { decayed, evidenceRatio, type MarkovTables, withEvidence } from './markov-filter.js';

/** Of an entity's cells, sorted by bucket and bin. */
interface CellColumns {
  readonly buckets: Float64Array;
  readonly bins: Uint8Array;
  readonly n: Int32Array;
  readonly nFraud: Int32Array;
}

/**
 * The Markov filter's forward pass over an entity's cells from one start on: P(compromised) after each bucket, kept with the
 * bucket's last cell. It is continued as far as it is asked for and cut where a cell changes, so it has the bits of a pass
 * anew. It belongs to the tables of one feature set, as cells in memory do.
 */
export class MarkovPass {
  private fromMs = -Infinity;
  /** Cells before this are passed. */
  private to = 0;
  private after = new Float64Array(0);

  /** The pass that has this start, or else the one with the older start, anew. */
  static startingAt(fromMs: number, [one, other]: readonly [MarkovPass, MarkovPass]): MarkovPass {
    if (one.fromMs === fromMs) return one;
    if (other.fromMs === fromMs) return other;
    const older = other.fromMs > one.fromMs ? one : other;
    older.fromMs = fromMs;
    older.to = 0;
    return older;
  }

  /** P(compromised) after the bucket that ends before cell `end`, which lies behind cell `start`, the first of all. */
  upTo(end: number, { buckets, bins, n, nFraud }: CellColumns, tables: MarkovTables, start: number): number {
    if (this.to < start) this.to = start;
    if (this.after.length < end) this.after = widened(this.after, buckets.length);
    const { after } = this;
    for (let i = this.to; i < end; this.to = i) {
      const bucket = buckets[i]!;
      const p = i === start ? tables.stationary : decayed(tables, after[i - 1]!, bucket - buckets[i - 1]!);
      // Inside a bucket evidence adds in log-odds: the order within it does not matter.
      let ratio = 1;
      for (; i < end && buckets[i] === bucket; i += 1) ratio *= evidenceRatio(tables, bins[i]!, n[i]!, nFraud[i]!);
      after[i - 1] = withEvidence(p, ratio);
    }
    return after[end - 1]!;
  }

  /** Cells from `index` on, the first of a bucket, are to be passed again. */
  cutAt(index: number): void {
    if (index < this.to) this.to = index;
  }
}

const widened = (from: Float64Array, length: number): Float64Array<ArrayBuffer> => {
  const to = new Float64Array(length);
  to.set(from);
  return to;
};
