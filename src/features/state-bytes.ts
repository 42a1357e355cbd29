/** A state is at most this long; see `STATE_BYTES_MAX` of primary-state.ts. */
const SCRATCH_BYTES = 4096;

/**
 * One state on its way from or to its bytes, in the machine's byte order (little-endian on every platform of Node that is
 * supported). Widest numbers come first, so each stands at a multiple of its width. The scratch is shared: a view or an
 * array of its own for each of a state's parts would cost more than all the features that are computed from it.
 */
const scratch = new ArrayBuffer(SCRATCH_BYTES);
const asBytes = new Uint8Array(scratch);
const asFloat64 = new Float64Array(scratch);
const asFloat32 = new Float32Array(scratch);
const asUint32 = new Uint32Array(scratch);
const asUint16 = new Uint16Array(scratch);

/** Use it up before the next one is made. */
export class StateWriter {
  private at = 0;

  float64(values: Float64Array, count: number): void {
    const to = this.at / 8;
    for (let i = 0; i < count; i += 1) asFloat64[to + i] = values[i]!;
    this.at += count * 8;
  }

  float32(values: Float32Array, from: number, count: number): void {
    const to = this.at / 4;
    for (let i = 0; i < count; i += 1) asFloat32[to + i] = values[from + i]!;
    this.at += count * 4;
  }

  uint32(values: Uint32Array, count: number): void {
    const to = this.at / 4;
    for (let i = 0; i < count; i += 1) asUint32[to + i] = values[i]!;
    this.at += count * 4;
  }

  /** `newest - value` of each: below 2^32. */
  distances(values: Float64Array, from: number, count: number, newest: number): void {
    const to = this.at / 4;
    for (let i = 0; i < count; i += 1) asUint32[to + i] = newest - values[from + i]!;
    this.at += count * 4;
  }

  uint16(values: Uint16Array, count: number): void {
    const to = this.at / 2;
    for (let i = 0; i < count; i += 1) asUint16[to + i] = values[i]!;
    this.at += count * 2;
  }

  /** A copy of what was written. */
  end(): Uint8Array<ArrayBuffer> {
    return asBytes.slice(0, this.at);
  }
}

/** Reads into arrays that have room. Use it up before the next one is made. */
export class StateReader {
  private at = 0;
  private readonly length: number;

  constructor(bytes: Uint8Array) {
    this.length = bytes.length;
    asBytes.set(this.length > SCRATCH_BYTES ? bytes.subarray(0, SCRATCH_BYTES) : bytes);
  }

  /** @throws Error when the bytes are not as many */
  expect(bytes: number): void {
    if (this.length < bytes) throw new Error(`an entity's state ends after ${this.length} bytes`);
    if (this.length > bytes) throw new Error(`an entity's state has ${this.length - bytes} bytes too many`);
  }

  /** The first numbers, which say how many of what follow. */
  header(count: number): readonly number[] {
    this.at = count * 2;
    return Array.from({ length: count }, (_, i) => (i * 2 < this.length ? asUint16[i]! : 0));
  }

  float64(into: Float64Array, count: number): void {
    const from = this.at / 8;
    for (let i = 0; i < count; i += 1) into[i] = asFloat64[from + i]!;
    this.at += count * 8;
  }

  float32(into: Float32Array, count: number): void {
    const from = this.at / 4;
    for (let i = 0; i < count; i += 1) into[i] = asFloat32[from + i]!;
    this.at += count * 4;
  }

  uint32(into: Uint32Array, count: number): void {
    const from = this.at / 4;
    for (let i = 0; i < count; i += 1) into[i] = asUint32[from + i]!;
    this.at += count * 4;
  }

  /** What `distances` wrote. */
  before(into: Float64Array, count: number, newest: number): void {
    const from = this.at / 4;
    for (let i = 0; i < count; i += 1) into[i] = newest - asUint32[from + i]!;
    this.at += count * 4;
  }

  uint16(into: Uint16Array, count: number): void {
    const from = this.at / 2;
    for (let i = 0; i < count; i += 1) into[i] = asUint16[from + i]!;
    this.at += count * 2;
  }
}
