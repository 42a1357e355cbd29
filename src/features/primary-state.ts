import { BUCKET_WIDTH, BUCKETS_MAX, EVENTS_MAX, RecentEvents } from './recent-events.js';
import { StateReader, StateWriter } from './state-bytes.js';

/** Positions in `PrimaryState.stats`. Sums decay per own transaction, the recent evidence with time. */
export const STAT = {
  lastMs: 0,
  amountWeight: 1,
  amountSum: 2,
  amountSquares: 3,
  gapWeight: 4,
  gapDays: 5,
  hours: 6,
  counterpartWeight: 12,
  recentZ: 13,
  recentCount: 14,
  recentMax: 15,
  categoryWeight: 16,
} as const;
const STATS = 17;

const VERSION = 1;
const HEADER_BYTES = 8;
export const COUNTERPARTS_MAX = 64;
export const CATEGORIES_MAX = 16;
/** A full state: 3,888 bytes, within the 4 KB that a row may hold. */
export const STATE_BYTES_MAX =
  HEADER_BYTES + STATS * 8 + CATEGORIES_MAX * 26 + EVENTS_MAX * 8 + BUCKETS_MAX * BUCKET_WIDTH * 4 + COUNTERPARTS_MAX * 8;

/** FNV-1a, 32 bits: with 64 counterparts a customer, two meet in one of about two million customers. */
export const hashId = (id: string): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i += 1) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return hash >>> 0;
};

/**
 * Everything remembered of a primary entity (customer, card). Its numbers are held at the width they are stored with, so
 * a round trip through `encode` changes no bit and batch borders change no feature.
 */
export class PrimaryState {
  isNew = true;
  isChanged = false;
  readonly stats = new Float64Array(STATS);
  readonly events = new RecentEvents();
  counterparts = 0;
  counterpartIds = new Uint32Array(4);
  counterpartCounts = new Float32Array(4);
  categories = 0;
  /** Level index, then weight, sum and squares of x per level (3 numbers each). */
  readonly categoryLevels = new Uint16Array(CATEGORIES_MAX);
  categorySums = new Float64Array(0);

  /** @throws Error when the bytes are not a whole state of this version */
  static decode(bytes: Uint8Array): PrimaryState {
    const header = new Uint16Array(HEADER_BYTES / 2);
    const reader = new StateReader(bytes);
    reader.into(header);
    const [shape, counterparts, events, rest] = [header[0]!, header[1]!, header[2]!, header[3]!];
    const buckets = rest & 0xff;
    const categories = rest >>> 8;
    const isWithin =
      counterparts <= COUNTERPARTS_MAX && events <= EVENTS_MAX && buckets <= BUCKETS_MAX && categories <= CATEGORIES_MAX;
    if (shape !== VERSION || !isWithin)
      throw new Error(
        `an entity's state of ${bytes.length} bytes is damaged or of another version (${shape}, expected ${VERSION})`,
      );
    const state = new PrimaryState();
    state.isNew = false;
    reader.into(state.stats);
    if (categories > 0) state.categorySums = reader.into(new Float64Array(CATEGORIES_MAX * 3), categories * 3);
    state.counterparts = counterparts;
    state.counterpartIds = reader.into(new Uint32Array(Math.max(4, counterparts)), counterparts);
    state.counterpartCounts = reader.into(new Float32Array(Math.max(4, counterparts)), counterparts);
    const deltas = reader.into(new Uint32Array(events));
    const amounts = reader.into(new Float32Array(events));
    state.events.restore(state.stats[STAT.lastMs]!, deltas, amounts, reader.into(new Float32Array(buckets * BUCKET_WIDTH)));
    state.categories = categories;
    reader.into(state.categoryLevels, categories);
    reader.end();
    return state;
  }

  /** Slot of a further counterpart; its contents are whatever was there. */
  addCounterpart(): number {
    if (this.counterparts === this.counterpartIds.length) {
      const ids = new Uint32Array(this.counterparts * 2);
      ids.set(this.counterpartIds);
      this.counterpartIds = ids;
      const counts = new Float32Array(this.counterparts * 2);
      counts.set(this.counterpartCounts);
      this.counterpartCounts = counts;
    }
    this.counterparts += 1;
    return this.counterparts - 1;
  }

  encode(): Uint8Array {
    const { events, categories, counterparts } = this;
    const size =
      HEADER_BYTES + STATS * 8 + categories * 26 + events.length * 8 + events.buckets * BUCKET_WIDTH * 4 + counterparts * 8;
    const writer = new StateWriter(size);
    writer.put(Uint16Array.of(VERSION, counterparts, events.length, (categories << 8) | events.buckets));
    writer.put(this.stats);
    writer.put(this.categorySums.subarray(0, categories * 3));
    writer.put(this.counterpartIds.subarray(0, counterparts));
    writer.put(this.counterpartCounts.subarray(0, counterparts));
    writer.put(events.deltas(this.stats[STAT.lastMs]!));
    writer.put(events.liveAmounts());
    writer.put(events.bucketValues());
    writer.put(this.categoryLevels.subarray(0, categories));
    return writer.bytes;
  }
}
