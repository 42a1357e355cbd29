interface Queue<T> {
  readonly partition: number;
  readonly end: bigint;
  /** Offset that comes next. */
  position: bigint;
  items: { readonly clockMs: number; readonly item: T }[];
  /** First of `items` that was not taken. */
  head: number;
  isPaused: boolean;
}

/** Partitions of one topic, each in its own order, merged by their clocks: none is taken from while a slower one is still to come. */
export class MergedQueues<T> {
  readonly #queues: ReadonlyMap<number, Queue<T>>;
  #wake: () => void = () => undefined;
  #error: Error | null = null;

  /** @param max items of a queue above which it counts as full */
  constructor(
    ranges: readonly { readonly partition: number; readonly start: bigint; readonly end: bigint }[],
    private readonly max: number,
  ) {
    this.#queues = new Map(
      ranges.map(({ partition, start, end }) => [
        partition,
        { partition, end, position: start, items: [], head: 0, isPaused: false },
      ]),
    );
  }

  /** Nothing is waiting, and nothing is to come. */
  get isThrough(): boolean {
    return [...this.#queues.values()].every((queue) => lengthOf(queue) === 0 && queue.position >= queue.end);
  }

  positions(): readonly { readonly partition: number; readonly position: bigint }[] {
    return [...this.#queues.values()].map(({ partition, position }) => ({ partition, position }));
  }

  wants(partition: number, offset: bigint): boolean {
    const queue = this.#queues.get(partition);
    return queue !== undefined && offset >= queue.position && offset < queue.end;
  }

  push(partition: number, offset: bigint, clockMs: number, item: T): void {
    const queue = this.#queues.get(partition)!;
    queue.items.push({ clockMs, item });
    queue.position = offset + 1n;
  }

  /** The log goes on at `position`, whatever was or was not before it. */
  passed(partition: number, position: bigint): void {
    const queue = this.#queues.get(partition);
    if (queue && position > queue.position) queue.position = position;
    this.#wake();
  }

  isFull(partition: number): boolean {
    const queue = this.#queues.get(partition);
    // One that is through is not fetched any more either.
    if (!queue || queue.position >= queue.end) return true;
    queue.isPaused ||= lengthOf(queue) >= this.max;
    return queue.isPaused;
  }

  /** Partitions that were full and have room again; told once. */
  drained(): readonly number[] {
    const found = [...this.#queues.values()].filter((queue) => queue.isPaused && 2 * lengthOf(queue) <= this.max);
    for (const queue of found) queue.isPaused = false;
    return found.map(({ partition }) => partition);
  }

  /** The next items, at most `max`: none while a partition that is not through has nothing to compare with. */
  take(max: number): readonly T[] {
    const queues = [...this.#queues.values()];
    const taken: T[] = [];
    while (taken.length < max) {
      let least: Queue<T> | null = null;
      for (const queue of queues) {
        if (lengthOf(queue) === 0) {
          if (queue.position < queue.end) return taken;
        } else if (!least || clockOf(queue) < clockOf(least)) least = queue;
      }
      if (!least) break;
      taken.push(least.items[least.head]!.item);
      least.head += 1;
      if (least.head === least.items.length || least.head > this.max) {
        least.items = least.items.slice(least.head);
        least.head = 0;
      }
    }
    return taken;
  }

  fail(error: Error): void {
    this.#error = error;
    this.#wake();
  }

  /** Waits until something came. False: nothing did. @throws what `fail` was told; rejects with the signal's reason when aborted */
  async changed(limitMs: number, signal: AbortSignal): Promise<boolean> {
    const came = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), limitMs);
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve(true);
      };
      this.#wake = done;
      signal.addEventListener('abort', done, { once: true });
      if (this.#error || signal.aborted) done();
    });
    if (this.#error) throw this.#error;
    signal.throwIfAborted();
    return came;
  }

  /** What is waited for, in words. */
  missing(topic: string): string {
    return [...this.#queues.values()]
      .filter(({ position, end }) => position < end)
      .map(({ partition, position, end }) => `${topic}/${partition} from ${position} to ${end}`)
      .join(', ');
  }
}

const lengthOf = <T>({ items, head }: Queue<T>): number => items.length - head;
const clockOf = <T>({ items, head }: Queue<T>): number => items[head]!.clockMs;
