import { HOUR_MS } from '../domain/time.js';
import type { StateReader, StateWriter } from './state-bytes.js';

export const EVENTS_MAX = 256;
export const BUCKETS_MAX = 48;
/** Hour since 1970, count, sum and largest amount. */
export const BUCKET_WIDTH = 4;
/** Twice the live events, so that the dropped ones are moved away once in a while instead of each time. */
const CAPACITY_MAX = 2 * EVENTS_MAX;

/** Count, sum and largest amount of a window, the current transaction included. */
export interface WindowSums {
  readonly count: Float64Array;
  readonly sum: Float64Array;
  readonly max: Float64Array;
}

/**
 * Events of one entity in rising time: the newest 256 exactly, older ones in hourly buckets. Where more than 48 buckets are
 * needed, the two neighbours that are narrowest for their age become one (an exponential histogram, Datar et
 * al. 2002): the border of a window is then blurred by a few per cent of the window. Amounts are float32.
 */
export class RecentEvents {
  private first = 0;
  private last = 0;
  buckets = 0;

  /** @param times and `amounts`: room for as many events; `bucketCells`: for buckets */
  constructor(
    private times: Float64Array,
    private amounts: Float32Array,
    private bucketCells: Float32Array,
  ) {}

  get length(): number {
    return this.last - this.first;
  }

  /** Time of the newest event at or before `ms`; NaN when none is remembered. */
  lastUntil(ms: number): number {
    let i = this.last - 1;
    while (i >= this.first && this.times[i]! > ms) i -= 1;
    return i >= this.first ? this.times[i]! : NaN;
  }

  /** The newest events at or before `ms`, newest first, as many as the arrays hold; NaN beyond those that are remembered exactly. */
  copyUntil(ms: number, times: Float64Array, amounts: Float64Array): void {
    let i = this.last - 1;
    while (i >= this.first && this.times[i]! > ms) i -= 1;
    for (let to = 0; to < times.length; to += 1, i -= 1) {
      times[to] = i >= this.first ? this.times[i]! : NaN;
      amounts[to] = i >= this.first ? this.amounts[i]! : NaN;
    }
  }

  /** Exact number of remembered events in (fromMs, toMs]. */
  countIn(fromMs: number, toMs: number): number {
    let count = 0;
    for (let i = this.last - 1; i >= this.first && this.times[i]! > fromMs; i -= 1) if (this.times[i]! <= toMs) count += 1;
    return count;
  }

  /** Sums over (ms - window, ms] for rising windows, plus the current amount. Adds newest first, whatever the batch. */
  sumWindows(ms: number, amount: number, windowsMs: readonly number[], into: WindowSums): void {
    let count = 1;
    let sum = amount;
    let max = amount;
    let i = this.last - 1;
    while (i >= this.first && this.times[i]! > ms) i -= 1;
    let b = this.buckets - 1;
    while (b >= 0 && this.bucketMs(b) > ms) b -= 1;
    for (let w = 0; w < windowsMs.length; w += 1) {
      const from = ms - windowsMs[w]!;
      for (; i >= this.first && this.times[i]! > from; i -= 1) {
        const value = this.amounts[i]!;
        count += 1;
        sum += value;
        if (value > max) max = value;
      }
      for (; b >= 0 && this.bucketMs(b) > from; b -= 1) {
        const at = b * BUCKET_WIDTH;
        count += this.bucketCells[at + 1]!;
        sum += this.bucketCells[at + 2]!;
        if (this.bucketCells[at + 3]! > max) max = this.bucketCells[at + 3]!;
      }
      into.count[w] = count;
      into.sum[w] = sum;
      into.max[w] = max;
    }
  }

  /** Adds an event in its place in time and forgets what is at or before `horizonMs`. */
  add(ms: number, amount: number, horizonMs: number): void {
    while (this.first < this.last && this.times[this.first]! <= horizonMs) this.first += 1;
    this.dropBuckets(horizonMs);
    if (ms <= horizonMs) return;
    if (this.length === EVENTS_MAX) {
      if (ms < this.times[this.first]!) {
        this.addToBucket(ms, amount);
        return;
      }
      this.addToBucket(this.times[this.first]!, this.amounts[this.first]!);
      this.first += 1;
    }
    if (this.last === this.times.length) this.makeRoom();
    let at = this.last;
    while (at > this.first && this.times[at - 1]! > ms) at -= 1;
    this.times.copyWithin(at + 1, at, this.last);
    this.amounts.copyWithin(at + 1, at, this.last);
    this.times[at] = ms;
    this.amounts[at] = amount;
    this.last += 1;
  }

  /** Times as distances before `newestMs` (whole milliseconds, at most 30 days), amounts, buckets. */
  write(writer: StateWriter, newestMs: number): void {
    writer.distances(this.times, this.first, this.length, newestMs);
    writer.float32(this.amounts, this.first, this.length);
    writer.float32(this.bucketCells, 0, this.buckets * BUCKET_WIDTH);
  }

  read(reader: StateReader, newestMs: number, events: number, buckets: number): void {
    reader.before(this.times, events, newestMs);
    reader.float32(this.amounts, events);
    reader.float32(this.bucketCells, buckets * BUCKET_WIDTH);
    this.first = 0;
    this.last = events;
    this.buckets = buckets;
  }

  /** Start of the hour; hours since 1970 stay below 2^24, which float32 holds exactly. */
  private bucketMs(b: number): number {
    return this.bucketCells[b * BUCKET_WIDTH]! * HOUR_MS;
  }

  private dropBuckets(horizonMs: number): void {
    let gone = 0;
    while (gone < this.buckets && this.bucketMs(gone) <= horizonMs) gone += 1;
    if (gone === 0) return;
    this.bucketCells.copyWithin(0, gone * BUCKET_WIDTH, this.buckets * BUCKET_WIDTH);
    this.buckets -= gone;
  }

  private addToBucket(ms: number, amount: number): void {
    const hour = Math.floor(ms / HOUR_MS);
    let b = this.buckets;
    while (b > 0 && this.bucketCells[(b - 1) * BUCKET_WIDTH]! > hour) b -= 1;
    if (b === 0 || this.bucketCells[(b - 1) * BUCKET_WIDTH] !== hour) {
      if (this.bucketCells.length < (BUCKETS_MAX + 1) * BUCKET_WIDTH) this.growBuckets();
      this.bucketCells.copyWithin((b + 1) * BUCKET_WIDTH, b * BUCKET_WIDTH, this.buckets * BUCKET_WIDTH);
      this.bucketCells.set([hour, 0, 0, amount], b * BUCKET_WIDTH);
      this.buckets += 1;
      b += 1;
    }
    const at = (b - 1) * BUCKET_WIDTH;
    this.bucketCells[at + 1]! += 1;
    this.bucketCells[at + 2]! += amount;
    this.bucketCells[at + 3] = Math.max(this.bucketCells[at + 3]!, amount);
    if (this.buckets > BUCKETS_MAX) this.mergeClosest(this.times[this.last - 1]! / HOUR_MS);
  }

  /** Joins the two neighbours that are narrowest for their age; they keep the later hour. The oldest one stays as it is. */
  private mergeClosest(nowHour: number): void {
    const cells = this.bucketCells;
    let best = 1;
    let bestShare = Infinity;
    for (let b = 1; b + 1 < this.buckets; b += 1) {
      const from = cells[(b - 1) * BUCKET_WIDTH]!;
      const share = (cells[(b + 1) * BUCKET_WIDTH]! - from) / (nowHour - from + 1);
      if (share < bestShare) {
        bestShare = share;
        best = b;
      }
    }
    const at = best * BUCKET_WIDTH;
    cells[at + 5]! += cells[at + 1]!;
    cells[at + 6]! += cells[at + 2]!;
    cells[at + 7] = Math.max(cells[at + 7]!, cells[at + 3]!);
    cells.copyWithin(at, at + BUCKET_WIDTH, this.buckets * BUCKET_WIDTH);
    this.buckets -= 1;
  }

  private growBuckets(): void {
    const wider = new Float32Array((BUCKETS_MAX + 1) * BUCKET_WIDTH);
    wider.set(this.bucketCells);
    this.bucketCells = wider;
  }

  private makeRoom(): void {
    const length = this.length;
    const isHalfEmpty = length < this.times.length && length * 2 <= this.times.length;
    const size = isHalfEmpty ? this.times.length : Math.min(CAPACITY_MAX, Math.max(8, this.times.length * 2));
    const times = size === this.times.length ? this.times : new Float64Array(size);
    const amounts = size === this.times.length ? this.amounts : new Float32Array(size);
    times.set(this.times.subarray(this.first, this.last));
    amounts.set(this.amounts.subarray(this.first, this.last));
    this.times = times;
    this.amounts = amounts;
    this.first = 0;
    this.last = length;
  }
}
