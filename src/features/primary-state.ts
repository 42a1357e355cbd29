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
function sizeOf(counterparts: number, events: number, buckets: number, categories: number): number {
  return HEADER_BYTES + STATS * 8 + categories * 26 + events * 8 + buckets * BUCKET_WIDTH * 4 + counterparts * 8;
}
/** A full state: 3,888 bytes, within the 4 KB that a row may hold. */
export const STATE_BYTES_MAX = sizeOf(COUNTERPARTS_MAX, EVENTS_MAX, BUCKETS_MAX, CATEGORIES_MAX);

/** How many of each a state has room for. */
interface Room {
  readonly counterparts: number;
  readonly events: number;
  readonly buckets: number;
  readonly categories: number;
}
const NEW: Room = { counterparts: 4, events: 8, buckets: 0, categories: 0 };
/** Beyond what was stored, so that a batch seldom has to make room. */
const SPARE = 4;

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
  readonly stats: Float64Array;
  readonly events: RecentEvents;
  counterparts = 0;
  counterpartIds: Uint32Array;
  counterpartCounts: Float32Array;
  categories = 0;
  /** Level index, then weight, sum and squares of x per level (3 numbers each). */
  readonly categoryLevels = new Uint16Array(CATEGORIES_MAX);
  categorySums: Float64Array;

  constructor(room: Room = NEW) {
    const sums = room.categories > 0 ? CATEGORIES_MAX * 3 : 0;
    const bucketCells = room.buckets * BUCKET_WIDTH;
    // One allocation: a typed array's own buffer costs more than its contents here.
    const buffer = new ArrayBuffer(8 * (STATS + sums + room.events) + 4 * (2 * room.counterparts + room.events + bucketCells));
    this.stats = new Float64Array(buffer, 0, STATS);
    this.categorySums = new Float64Array(buffer, 8 * STATS, sums);
    const times = new Float64Array(buffer, 8 * (STATS + sums), room.events);
    let at = 8 * (STATS + sums + room.events);
    this.counterpartIds = new Uint32Array(buffer, at, room.counterparts);
    at += 4 * room.counterparts;
    this.counterpartCounts = new Float32Array(buffer, at, room.counterparts);
    at += 4 * room.counterparts;
    const amounts = new Float32Array(buffer, at, room.events);
    this.events = new RecentEvents(times, amounts, new Float32Array(buffer, at + 4 * room.events, bucketCells));
  }

  /** @throws Error when the bytes are not a whole state of this version */
  static decode(bytes: Uint8Array): PrimaryState {
    const reader = new StateReader(bytes);
    const [shape, counterparts, events, rest] = reader.header(HEADER_BYTES / 2) as [number, number, number, number];
    const buckets = rest & 0xff;
    const categories = rest >>> 8;
    const isWithin =
      counterparts <= COUNTERPARTS_MAX && events <= EVENTS_MAX && buckets <= BUCKETS_MAX && categories <= CATEGORIES_MAX;
    if (shape !== VERSION || !isWithin)
      throw new Error(
        `an entity's state of ${bytes.length} bytes is damaged or of another version (${shape}, expected ${VERSION})`,
      );
    reader.expect(sizeOf(counterparts, events, buckets, categories));
    const state = new PrimaryState({ counterparts: counterparts + SPARE, events: events + SPARE, buckets, categories });
    state.isNew = false;
    state.counterparts = counterparts;
    state.categories = categories;
    reader.float64(state.stats, STATS);
    reader.float64(state.categorySums, categories * 3);
    reader.uint32(state.counterpartIds, counterparts);
    reader.float32(state.counterpartCounts, counterparts);
    state.events.read(reader, state.stats[STAT.lastMs]!, events, buckets);
    reader.uint16(state.categoryLevels, categories);
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

  encode(): Uint8Array<ArrayBuffer> {
    const { events, categories, counterparts } = this;
    const writer = new StateWriter();
    HEADER[1] = counterparts;
    HEADER[2] = events.length;
    HEADER[3] = (categories << 8) | events.buckets;
    writer.uint16(HEADER, HEADER.length);
    writer.float64(this.stats, STATS);
    writer.float64(this.categorySums, categories * 3);
    writer.uint32(this.counterpartIds, counterparts);
    writer.float32(this.counterpartCounts, 0, counterparts);
    events.write(writer, this.stats[STAT.lastMs]!);
    writer.uint16(this.categoryLevels, categories);
    return writer.end();
  }
}

const HEADER = Uint16Array.of(VERSION, 0, 0, 0);
