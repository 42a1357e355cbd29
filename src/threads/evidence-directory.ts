import { entityKey, type EvidenceColumns, type EvidenceWanted } from '../domain/evidence-columns.js';
import { DAY_MS } from '../domain/time.js';
import type { EvidenceDelivery } from '../features/evidence-memory.js';

/** Cells that one thread keeps at most: some 50 bytes each, and as much again while arrays grow. */
const CELLS_MAX = 2_000_000;
/** What an entity costs beside its cells, in cells: one that was seen once takes 2.6 KB. */
const ENTITY_CELLS = 50;
/** Read further back than a batch needs, so that the next one may begin earlier by as much. */
const SLACK_MS = DAY_MS;
/** An entity whose kept cells begin so much before what is needed is read anew: nothing else drops its oldest ones. */
const SURPLUS_MS = 30 * DAY_MS;

interface Kept {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly revision: number;
  /** At most: after a step back in time cells may be counted twice. */
  readonly cells: number;
}

/** A batch on its way to the thread: what it may leave out of its read, and then what it brings. */
export interface EvidenceVisit {
  readonly lookBackMs: number;
  kept(entityType: string, entityId: string, fromMs: number): EvidenceWanted['kept'];
  deliver(read: EvidenceColumns): EvidenceDelivery;
}

/**
 * What a scoring thread keeps of secondary entities, known on the main thread without asking. Visits follow each other, and
 * their deliveries reach the thread in the same order, so that both sides always agree.
 *
 * It holds for an entity as long as the store names the same revision. The least recently read ones make room for others.
 */
export class EvidenceDirectory {
  /** By entity; the least recently read first. */
  readonly #kept = new Map<string, Kept>();
  #cells = 0;

  constructor(private readonly cellsMax = CELLS_MAX) {}

  get cells(): number {
    return this.#cells;
  }

  /** The thread was told to forget everything. */
  clear(): void {
    this.#kept.clear();
    this.#cells = 0;
  }

  /** @param featuresLookBackMs of the loaded model; 0: it reads no evidence */
  visit(featuresLookBackMs: number): EvidenceVisit {
    const slackMs = featuresLookBackMs === 0 ? 0 : SLACK_MS;
    const lookBackMs = featuresLookBackMs + slackMs;
    const asked = new Map<string, number>();
    return {
      lookBackMs,
      kept: (entityType, entityId, fromMs) => {
        const key = entityKey(entityType, entityId);
        asked.set(key, fromMs);
        const kept = this.#kept.get(key);
        if (!kept || kept.fromMs > fromMs + slackMs || kept.fromMs < fromMs - SURPLUS_MS) return null;
        return { untilMs: kept.untilMs, revision: kept.revision };
      },
      deliver: (read) => this.#deliver(read, (key) => ({ fromMs: asked.get(key)!, earliestMs: asked.get(key)! + lookBackMs })),
    };
  }

  /** @param askedOf where the read of an entity began, and the first bucket that its batch adds to */
  #deliver(
    { runs, numbers, frozenBeforeMs }: EvidenceColumns,
    askedOf: (key: string) => { readonly fromMs: number; readonly earliestMs: number },
  ): EvidenceDelivery {
    const forget: string[] = [];
    let at = 0;
    for (const { entityType, entityId, count, isWhole, revision } of runs) {
      const key = entityKey(entityType, entityId);
      const before = isWhole ? undefined : this.#kept.get(key);
      this.#drop(key);
      let cells = before?.cells ?? 0;
      for (const end = at + 4 * count; at < end; at += 4) if (numbers[at]! < frozenBeforeMs) cells += 1;
      const { fromMs, earliestMs } = askedOf(key);
      // What the batch itself adds to old cells becomes true only with its commit.
      if (earliestMs < frozenBeforeMs || frozenBeforeMs <= fromMs) forget.push(key);
      else this.#keep(key, { fromMs: before?.fromMs ?? fromMs, untilMs: frozenBeforeMs, revision, cells });
    }
    for (const key of this.#kept.keys()) {
      if (this.#cells <= this.cellsMax) break;
      this.#drop(key);
      forget.push(key);
    }
    return { runs, numbers, keepBeforeMs: frozenBeforeMs, forget };
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.set(key, kept);
    this.#cells += kept.cells + ENTITY_CELLS;
  }

  #drop(key: string): void {
    const kept = this.#kept.get(key);
    if (kept) this.#cells -= kept.cells + ENTITY_CELLS;
    this.#kept.delete(key);
  }
}
