import type { TopicRecord } from './topic-batch.js';

/** What was fetched of one partition and is not committed yet, in offset order. */
export class FetchQueue {
  #records: TopicRecord[] = [];
  #first = 0;
  /** Position behind the newest record and the control records that follow it. */
  #end = 0n;

  get length(): number {
    return this.#records.length - this.#first;
  }

  push(records: readonly TopicRecord[], end: bigint): void {
    for (const record of records) this.#records.push(record);
    this.#end = end;
  }

  /** The oldest records, at most `sizeMax`, and the position behind them. They stay until `drop`: a failed batch is read again. */
  peek(sizeMax: number): { readonly records: readonly TopicRecord[]; readonly nextOffset: bigint } {
    const records = this.#records.slice(this.#first, this.#first + sizeMax);
    return { records, nextOffset: records.length === this.length ? this.#end : records.at(-1)!.offset + 1n };
  }

  drop(count: number): void {
    this.#first += count;
    if (2 * this.#first < this.#records.length) return;
    this.#records = this.#records.slice(this.#first);
    this.#first = 0;
  }

  clear(): void {
    this.drop(this.length);
  }
}
