import { MarkovPass } from './markov-pass.js';

/**
 * Evidence cells of one secondary entity, sorted by (bucket, bin), in parallel arrays. Counts only add up, so neither the
 * order of additions nor who made them changes anything.
 *
 * What features ask for again and again is kept with the cells: running totals, and passes of the Markov filter. Both are
 * continued when later cells are asked for and cut where a cell changes, so they have the bits of a computation anew.
 */
export class EvidenceCells {
  length = 0;
  buckets = new Float64Array(4);
  bins = new Uint8Array(4);
  /** All that is known, and the part of it that the store does not have yet. */
  n = new Int32Array(4);
  nFraud = new Int32Array(4);
  addedN = new Int32Array(4);
  addedFraud = new Int32Array(4);
  /** Index of the first cell that was added to; Infinity: none. */
  firstAdded = Infinity;
  /** Totals of the cells before an index, for those up to `totalledTo`. */
  nBefore = new Int32Array(5);
  fraudBefore = new Int32Array(5);
  private totalledTo = 0;
  /** Of two days: around midnight rows of both come by turns. */
  readonly passes = [new MarkovPass(), new MarkovPass()] as const;

  /** What a store held. */
  load(bucketMs: number, bin: number, n: number, nFraud: number): void {
    const at = this.place(bucketMs, bin);
    this.n[at]! += n;
    this.nFraud[at]! += nFraud;
  }

  /** What this batch adds. */
  add(bucketMs: number, bin: number, n: number, nFraud: number): void {
    const at = this.place(bucketMs, bin);
    this.n[at]! += n;
    this.nFraud[at]! += nFraud;
    this.addedN[at]! += n;
    this.addedFraud[at]! += nFraud;
    if (at < this.firstAdded) this.firstAdded = at;
  }

  /** Leaves the cells before a time. @throws Error when one of them was added to: the store's may differ by now */
  cutAt(ms: number): void {
    const length = this.firstAfter(ms - 1);
    if (this.firstAdded < length) throw new Error(`evidence before ${ms} was added to and cannot be kept`);
    this.length = length;
    this.firstAdded = Infinity;
    this.totalledTo = Math.min(this.totalledTo, length);
    for (const pass of this.passes) pass.cutAt(length);
  }

  /** Index of the first cell with a bucket above `ms`, of those before `high`. */
  firstAfter(ms: number, high = this.length): number {
    let low = 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.buckets[middle]! > ms) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Makes the totals before `index` and all lower ones right. */
  totalTo(index: number): void {
    for (; this.totalledTo < index; this.totalledTo += 1) {
      const i = this.totalledTo;
      this.nBefore[i + 1] = this.nBefore[i]! + this.n[i]!;
      this.fraudBefore[i + 1] = this.fraudBefore[i]! + this.nFraud[i]!;
    }
  }

  /** Makes room for so many cells more. */
  reserve(count: number): void {
    if (this.length + count > this.buckets.length) this.grow(Math.max(this.length + count, 2 * this.length));
  }

  private place(bucketMs: number, bin: number): number {
    const at = this.lowerBound(bucketMs, bin);
    this.cutKept(at, bucketMs);
    if (at < this.length && this.buckets[at] === bucketMs && this.bins[at] === bin) return at;
    this.reserve(1);
    if (at < this.length) {
      for (const column of [this.buckets, this.bins, this.n, this.nFraud, this.addedN, this.addedFraud])
        column.copyWithin(at + 1, at, this.length);
      if (at <= this.firstAdded) this.firstAdded += 1;
    }
    this.buckets[at] = bucketMs;
    this.bins[at] = bin;
    this.n[at] = this.nFraud[at] = this.addedN[at] = this.addedFraud[at] = 0;
    this.length += 1;
    return at;
  }

  /** A bucket is one piece of evidence: a cell that joins it undoes all of it. */
  private cutKept(at: number, bucketMs: number): void {
    if (at < this.totalledTo) this.totalledTo = at;
    let first = at;
    while (first > 0 && this.buckets[first - 1] === bucketMs) first -= 1;
    this.passes[0].cutAt(first);
    this.passes[1].cutAt(first);
  }

  /** Index of the first cell not below (bucket, bin); streams append, so the end is tried first. */
  private lowerBound(bucketMs: number, bin: number): number {
    const isBelow = (i: number): boolean => this.buckets[i]! < bucketMs || (this.buckets[i] === bucketMs && this.bins[i]! < bin);
    if (this.length === 0 || isBelow(this.length - 1)) return this.length;
    let low = 0;
    let high = this.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBelow(middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private grow(size: number): void {
    this.buckets = wider(this.buckets, new Float64Array(size));
    this.bins = wider(this.bins, new Uint8Array(size));
    this.n = wider(this.n, new Int32Array(size));
    this.nFraud = wider(this.nFraud, new Int32Array(size));
    this.addedN = wider(this.addedN, new Int32Array(size));
    this.addedFraud = wider(this.addedFraud, new Int32Array(size));
    this.nBefore = wider(this.nBefore, new Int32Array(size + 1));
    this.fraudBefore = wider(this.fraudBefore, new Int32Array(size + 1));
  }
}

const wider = <Column extends Float64Array | Int32Array | Uint8Array>(from: Column, to: Column): Column => {
  to.set(from);
  return to;
};
