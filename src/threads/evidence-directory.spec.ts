import fc from 'fast-check';
import { DAY, ORACLE_FEATURES } from '../../test/support/feature-oracle.js';
import { EvidenceColumns, type EvidenceWanted } from '../domain/evidence-columns.js';
import { EvidenceDirectory } from './evidence-directory.js';
import { Activity } from '../features/activity.js';
import { EvidenceMemory } from '../features/evidence-memory.js';

const TYPE = 'shop';
const LOOK_BACK = 60 * DAY;
/** Shops of the test; the first is busy in every stream, so that others are used less recently. */
const SHOPS = ['a', 'b', 'c', 'd', 'e'];

/** What a store promises: cells before the frontier change only together with their entity's revision. */
class ModelStore {
  readonly #cells = new Map(SHOPS.map((shop) => [shop, new Map<number, number>()]));
  readonly #revisions = new Map(SHOPS.map((shop) => [shop, 0]));
  frozenBeforeMs = -Infinity;
  read = 0;

  constructor(private readonly forgetsRevisions: boolean) {}

  add(shop: string, bucketMs: number): void {
    const cells = this.#cells.get(shop)!;
    cells.set(bucketMs, (cells.get(bucketMs) ?? 0) + 1);
    if (bucketMs < this.frozenBeforeMs && !this.forgetsRevisions) this.#revisions.set(shop, this.#revisions.get(shop)! + 1);
  }

  /** All of a shop in [fromMs, toMs), by time. */
  cells(shop: string, fromMs: number, toMs: number): [number, number][] {
    return [...this.#cells.get(shop)!].filter(([ms]) => ms >= fromMs && ms < toMs).sort(([a], [b]) => a - b);
  }

  answer(wanted: readonly EvidenceWanted[], toMs: number): EvidenceColumns {
    const numbers: number[] = [];
    const runs = wanted.map(({ entityType, entityId, fromMs, kept }) => {
      const revision = this.#revisions.get(entityId)!;
      const isWhole = kept?.revision !== revision;
      const cells = this.cells(entityId, isWhole ? fromMs : kept.untilMs, toMs);
      for (const [ms, n] of cells) numbers.push(ms, 0, n, 0);
      this.read += cells.length;
      return { entityType, entityId, count: cells.length, isWhole, revision };
    });
    return new EvidenceColumns(runs, Float64Array.from(numbers), Math.min(this.frozenBeforeMs, toMs));
  }
}

/** A batch of one row for each shop, the last one's so many days `behind` the clock. */
interface Batch {
  readonly shops: readonly string[];
  readonly behind: number;
  readonly advance: number;
  readonly isCommitted: boolean;
  readonly freezes: boolean;
  /** The thread changes its model. */
  readonly clears: boolean;
  /** Another writer's cell, so many days before the clock. */
  readonly other: number | null;
}
const batch: fc.Arbitrary<Batch> = fc.record({
  shops: fc.subarray(SHOPS, { minLength: 1 }).map((some) => [...new Set(['a', ...some])]),
  behind: fc.constantFrom(0, 0, 0, 0, 1, 5, 40),
  advance: fc.constantFrom(0, 0.25, 1, 3),
  isCommitted: fc.boolean(),
  freezes: fc.boolean(),
  clears: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
  other: fc.option(fc.constantFrom(0, 2, 10, 30), { freq: 3 }),
});

const run = (batches: readonly Batch[], cellsMax: number, forgetsRevisions = false) => {
  const store = new ModelStore(forgetsRevisions);
  const directory = new EvidenceDirectory(cellsMax);
  let memory = new EvidenceMemory();
  let clockMs = 1000 * DAY;
  let needed = 0;
  for (const { shops, behind, advance, isCommitted, freezes, clears, other } of batches) {
    clockMs += advance * DAY;
    if (freezes) store.frozenBeforeMs = Math.max(store.frozenBeforeMs, clockMs - 3 * DAY);
    if (other !== null) store.add('a', clockMs - other * DAY);
    if (clears) {
      directory.clear();
      memory = new EvidenceMemory();
    }
    const rows = shops.map((shop, i) => ({ shop, atMs: clockMs - (i + 1 === shops.length ? behind * DAY : 0) }));
    const toMs = Math.max(...rows.map(({ atMs }) => atMs)) - 2 * DAY + 1;
    const visit = directory.visit(LOOK_BACK);
    const wanted = rows.map(({ shop, atMs }) => {
      const fromMs = atMs - visit.lookBackMs;
      return { entityType: TYPE, entityId: shop, fromMs, kept: visit.kept(TYPE, shop, fromMs) };
    });
    const delivery = visit.deliver(store.answer(wanted, toMs));
    const activity = new Activity(ORACLE_FEATURES);
    memory.lend(delivery, activity);
    for (const { shop, atMs } of rows) {
      const cells = activity.findCells(0, shop)!;
      const seen = [...cells.buckets.subarray(0, cells.length)].map((ms, i): [number, number] => [ms, cells.n[i]!]);
      const expected = store.cells(shop, atMs - LOOK_BACK, toMs);
      expect(seen.filter(([ms]) => ms >= atMs - LOOK_BACK && ms < toMs)).toEqual(expected);
      needed += expected.length;
      cells.add(atMs, 0, 1, 0);
    }
    memory.settle(delivery);
    if (isCommitted) for (const { shop, atMs } of rows) store.add(shop, atMs);
    expect(directory.cells).toBeLessThanOrEqual(cellsMax);
  }
  return { directory, read: store.read, needed };
};

const plain: Batch = { shops: ['a'], behind: 0, advance: 1, isCommitted: true, freezes: true, clears: false, other: null };

describe('evidence that a thread keeps', () => {
  it('is what a read of everything gives, in any order of batches, late cells, frontiers, evictions and model changes', () => {
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 60, size: 'max' }), fc.constantFrom(0, 60, 130, 1000), (batches, cellsMax) => {
        run(batches, cellsMax);
      }),
      { numRuns: 200 },
    );
  });

  it('would be wrong if a late cell raised no revision', () => {
    const late = [...Array.from({ length: 12 }, () => plain), { ...plain, other: 10 }];
    expect(() => run(late, 1000)).not.toThrow();
    expect(() => run(late, 1000, true)).toThrow();
  });

  it('is not read again', () => {
    const { read, needed } = run(
      Array.from({ length: 90 }, () => plain),
      1000,
    );
    expect(needed).toBeGreaterThan(2500);
    expect(read).toBeLessThan(400);
  });

  it('makes room for what was read last', () => {
    const { directory } = run(
      [...Array.from({ length: 10 }, () => ({ ...plain, shops: ['a', 'b'] })), ...Array.from({ length: 10 }, () => plain)],
      120,
    );
    const kept = (shop: string) => directory.visit(LOOK_BACK).kept(TYPE, shop, 1000 * DAY - LOOK_BACK);
    expect([kept('a') !== null, kept('b')]).toEqual([true, null]);
  });

  it('does not grow with the days: what lies far before the need is dropped', () => {
    const { directory } = run(
      Array.from({ length: 400 }, () => plain),
      1e6,
    );
    expect(directory.cells).toBeLessThan(150);
  });
});
