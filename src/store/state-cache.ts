import type { EntityState } from '../scoring/ports.js';

const BYTES_MAX = 64 << 20;

/**
 * States of the entities that this process wrote last, so that a batch need not read them again.
 *
 * It may be behind: another writer (HTTP elsewhere, a zombie, a key that moved) changes a state without telling. The commit
 * compares versions, so a state from here can make a batch be computed again, never be wrong. Whoever is refused drops what
 * it used.
 */
export class StateCache {
  readonly #states = new Map<string, EntityState>();
  #featureSet = '';
  #bytes = 0;

  constructor(private readonly bytesMax = BYTES_MAX) {}

  /** Those that are known, and the ids of the others. */
  find(featureSet: string, ids: readonly string[]): { readonly found: EntityState[]; readonly missing: string[] } {
    if (featureSet !== this.#featureSet) this.#restart(featureSet);
    const found: EntityState[] = [];
    const missing: string[] = [];
    for (const id of ids) {
      const state = this.#states.get(id);
      if (state) found.push(state);
      else missing.push(id);
    }
    return { found, missing };
  }

  /** What was committed: the version is the one that is stored now. */
  keep(featureSet: string, states: readonly EntityState[]): void {
    if (featureSet !== this.#featureSet) this.#restart(featureSet);
    for (const state of states) {
      this.#drop(state.entityId);
      this.#states.set(state.entityId, state);
      this.#bytes += state.bytes.length;
    }
    // Kept in the order of their last commit: the first is the one that was longest without.
    for (const [id] of this.#states) {
      if (this.#bytes <= this.bytesMax) break;
      this.#drop(id);
    }
  }

  drop(ids: Iterable<string>): void {
    for (const id of ids) this.#drop(id);
  }

  clear(): void {
    this.#restart(this.#featureSet);
  }

  #drop(id: string): void {
    this.#bytes -= this.#states.get(id)?.bytes.length ?? 0;
    this.#states.delete(id);
  }

  #restart(featureSet: string): void {
    this.#states.clear();
    this.#bytes = 0;
    this.#featureSet = featureSet;
  }
}
