/**
 * Evidence cells of one secondary entity, sorted by (bucket, bin), in parallel arrays. Counts only add up, so neither the
 * order of additions nor who made them changes anything.
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
  }

  /** Index of the first cell with a bucket above `ms`. */
  firstAfter(ms: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.buckets[middle]! > ms) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  private place(bucketMs: number, bin: number): number {
    const at = this.lowerBound(bucketMs, bin);
    if (at < this.length && this.buckets[at] === bucketMs && this.bins[at] === bin) return at;
    if (this.length === this.buckets.length) this.grow();
    const columns = [this.buckets, this.bins, this.n, this.nFraud, this.addedN, this.addedFraud];
    if (at < this.length) for (const column of columns) column.copyWithin(at + 1, at, this.length);
    for (const column of columns) column[at] = 0;
    this.buckets[at] = bucketMs;
    this.bins[at] = bin;
    this.length += 1;
    return at;
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

  private grow(): void {
    const size = this.length * 2;
    const buckets = new Float64Array(size);
    buckets.set(this.buckets);
    const bins = new Uint8Array(size);
    bins.set(this.bins);
    const wider = (from: Int32Array): Int32Array<ArrayBuffer> => {
      const to = new Int32Array(size);
      to.set(from);
      return to;
    };
    this.buckets = buckets;
    this.bins = bins;
    this.n = wider(this.n);
    this.nFraud = wider(this.nFraud);
    this.addedN = wider(this.addedN);
    this.addedFraud = wider(this.addedFraud);
  }
}
