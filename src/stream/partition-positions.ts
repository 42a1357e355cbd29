import type { OffsetStore } from '../scoring/ports.js';

/** First offset that is still in the log, and the one that the next message will get. */
export interface LogRange {
  readonly low: bigint;
  readonly high: bigint;
}

/** Data would be lost or read twice by guessing, so the partition waits for a person. */
export class PositionOutsideLogError extends Error {
  override readonly name = 'PositionOutsideLogError';

  constructor(topic: string, partition: number, position: bigint, range: LogRange) {
    super(
      `the stored position ${position} of ${topic}/${partition} is outside its log, which holds ${range.low} to ${range.high}: ` +
        `messages were deleted before they were read, or the topic was made anew; the partition stays stopped until its row in consumer_offsets is set`,
    );
  }
}

/** One assigned partition; `position` moves with each fetch. */
export interface Place {
  readonly stored: bigint;
  /** Where the next fetch begins: the stored position at first. */
  position: bigint;
  /** End of the log when the stored position was read. */
  readonly end: bigint;
  /** kafkajs is known to read on from `position`: a gap ahead of it holds only what kafkajs filters out. */
  isFollowed: boolean;
}

/**
 * Where each assigned partition is read next. The stored position is the truth; what kafkajs fetches is only a guess, made
 * from Kafka's own committed offset, until it was compared with it.
 */
export class PartitionPositions {
  #places = new Map<string, Promise<Place>>();

  constructor(
    private readonly group: string,
    private readonly offsets: OffsetStore,
    private readonly logRange: (topic: string, partition: number) => Promise<LogRange>,
  ) {}

  /** After an assignment: another consumer may have moved any position in between. */
  forgetAll(): void {
    this.#places = new Map();
  }

  /**
   * The stored position, read again after a fence that did not hold. The caller seeks it and calls `follow` at once.
   *
   * @throws PositionOutsideLogError
   */
  moved(topic: string, partition: number): Promise<Place> {
    this.#places.delete(`${topic}/${partition}`);
    return this.#place(topic, partition);
  }

  /** The stored position has just been sought; what arrived while it was read is forgotten. */
  follow(place: Place): void {
    place.position = place.stored;
    place.isFollowed = true;
  }

  /**
   * The stored position, read once per assignment; a partition without one starts at the beginning of its log.
   *
   * @throws PositionOutsideLogError
   */
  place(topic: string, partition: number): Promise<Readonly<Place>> {
    return this.#place(topic, partition);
  }

  /**
   * Compares a fetched batch with the stored position.
   *
   * @returns `read`: the batch follows the position; `seek`: it must be dropped and the position sought
   * @throws PositionOutsideLogError
   */
  async compare(
    topic: string,
    partition: number,
    fetched: bigint,
  ): Promise<{ readonly action: 'read' | 'seek'; readonly place: Place }> {
    const place = await this.#place(topic, partition);
    const { position } = place;
    const follows = place.isFollowed && fetched > position;
    // Ahead of the position lie either records that kafkajs filters out (ends of transactions), or kafkajs went back to
    // the beginning by itself because the position has left the log.
    if (follows) checkRange(topic, partition, position, await this.logRange(topic, partition));
    place.isFollowed = true;
    return { action: follows || fetched === position ? 'read' : 'seek', place };
  }

  #place(topic: string, partition: number): Promise<Place> {
    const key = `${topic}/${partition}`;
    const places = this.#places;
    const known = places.get(key);
    if (known) return known;
    const reading = this.#read(topic, partition);
    places.set(key, reading);
    // A failed read is tried again by the next batch.
    reading.catch(() => {
      if (places.get(key) === reading) places.delete(key);
    });
    return reading;
  }

  async #read(topic: string, partition: number): Promise<Place> {
    const range = await this.logRange(topic, partition);
    const position = await this.offsets.open({ group: this.group, topic, partition }, range.low);
    // The log may have grown, and another consumer moved on, since the range was read.
    if (position > range.high) checkRange(topic, partition, position, await this.logRange(topic, partition));
    else checkRange(topic, partition, position, range);
    return { stored: position, position, end: range.high, isFollowed: false };
  }
}

const checkRange = (topic: string, partition: number, position: bigint, range: LogRange): void => {
  if (position < range.low || position > range.high) throw new PositionOutsideLogError(topic, partition, position, range);
};
