/** Object ids of PostgreSQL's element types. */
export const ELEMENT = { text: 25, float8: 701 } as const;

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);
const WORD = 2 ** 32;
/** Microseconds of a time beyond are no safe integer: the year 2255. */
const PLAIN_MS_MAX = 9e12;

/**
 * Rows in the binary format of COPY (PostgreSQL documentation, "COPY", Binary Format): a third of the server's work for
 * the same rows as JSON, and a tenth of ours. Every value is written in its column's own type.
 */
export class CopyWriter {
  #bytes: Buffer;
  #at = SIGNATURE.length;

  /** @param sizeHint bytes that are probably enough */
  constructor(sizeHint: number) {
    this.#bytes = Buffer.allocUnsafe(sizeHint + SIGNATURE.length + 2);
    SIGNATURE.copy(this.#bytes);
  }

  /** All rows, to be sent as they are; nothing may be written after it. */
  end(): Buffer {
    this.#need(2);
    this.#bytes.writeInt16BE(-1, this.#at);
    return this.#bytes.subarray(0, this.#at + 2);
  }

  row(columns: number): void {
    this.#need(2);
    this.#at = this.#bytes.writeInt16BE(columns, this.#at);
  }

  null(): void {
    this.#int32(-1);
  }

  text(value: string): void {
    this.#need(4 + 3 * value.length);
    const length = this.#bytes.write(value, this.#at + 4);
    this.#bytes.writeInt32BE(length, this.#at);
    this.#at += 4 + length;
  }

  bytes(value: Uint8Array): void {
    this.#int32(value.length);
    this.#need(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  boolean(value: boolean): void {
    this.#int32(1);
    this.#need(1);
    this.#at = this.#bytes.writeUInt8(value ? 1 : 0, this.#at);
  }

  smallint(value: number): void {
    this.#int32(2);
    this.#need(2);
    this.#at = this.#bytes.writeInt16BE(value, this.#at);
  }

  /** @param value a safe integer */
  bigint(value: number): void {
    this.#int32(8);
    this.#need(8);
    const high = Math.floor(value / WORD);
    this.#at = this.#bytes.writeInt32BE(high, this.#at);
    this.#at = this.#bytes.writeUInt32BE(value - high * WORD, this.#at);
  }

  float8(value: number): void {
    this.#int32(8);
    this.#need(8);
    this.#at = this.#bytes.writeDoubleBE(value, this.#at);
  }

  /** @param ms UTC epoch milliseconds */
  timestamptz(ms: number): void {
    const sincePostgres = Math.round(ms) - POSTGRES_EPOCH_MS;
    if (Math.abs(sincePostgres) < PLAIN_MS_MAX) return this.bigint(sincePostgres * 1000);
    this.#int32(8);
    this.#need(8);
    this.#at = this.#bytes.writeBigInt64BE(BigInt(sincePostgres) * 1000n, this.#at);
  }

  /** One dimension, numbered from 1. @param write one element */
  array<T>(element: (typeof ELEMENT)[keyof typeof ELEMENT], values: readonly T[], write: (value: T) => void): void {
    this.#need(24);
    const start = this.#at;
    this.#at += 4;
    // An empty array has no dimension.
    this.#int32(values.length === 0 ? 0 : 1);
    this.#int32(values.some((value) => value === null) ? 1 : 0);
    this.#int32(element);
    if (values.length > 0) {
      this.#int32(values.length);
      this.#int32(1);
      for (const value of values) write(value);
    }
    this.#bytes.writeInt32BE(this.#at - start - 4, start);
  }

  #int32(value: number): void {
    this.#need(4);
    this.#at = this.#bytes.writeInt32BE(value, this.#at);
  }

  #need(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const wider = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#at + bytes));
    this.#bytes.copy(wider, 0, 0, this.#at);
    this.#bytes = wider;
  }
}
