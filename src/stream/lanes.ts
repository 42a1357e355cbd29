/** A fixed number of lanes, each of which takes the next thing to do until there is none. */
export class Lanes<T> {
  #busy = 0;
  #ended: (() => void)[] = [];

  /**
   * @param next what is to be done, marked as taken; null when there is nothing
   * @param work never rejects
   */
  constructor(
    private readonly count: number,
    private readonly next: () => T | null,
    private readonly work: (item: T) => Promise<void>,
  ) {}

  /** Call whenever there may be something to do. */
  wake(): void {
    while (this.#busy < this.count) {
      const item = this.next();
      if (item === null) break;
      this.#busy += 1;
      void this.work(item).finally(() => {
        this.#busy -= 1;
        this.wake();
      });
    }
    if (this.#busy === 0) for (const ended of this.#ended.splice(0)) ended();
  }

  /** Once nothing is in work. */
  idle(): Promise<void> {
    return this.#busy === 0 ? Promise.resolve() : new Promise((resolve) => this.#ended.push(resolve));
  }
}
