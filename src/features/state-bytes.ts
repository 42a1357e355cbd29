type Numbers = Float64Array<ArrayBuffer> | Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

/** Typed arrays one after the other, in the machine's byte order (little-endian on every platform of Node that is supported). */
export class StateWriter {
  readonly bytes: Uint8Array;
  private at = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  put(values: Numbers): void {
    this.bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), this.at);
    this.at += values.byteLength;
  }
}

export class StateReader {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  /** Fills the first `count` numbers of `target`. @throws Error when the bytes end before */
  into<T extends Numbers>(target: T, count: number = target.length): T {
    const length = count * target.BYTES_PER_ELEMENT;
    if (this.at + length > this.bytes.length) throw new Error(`an entity's state ends after ${this.bytes.length} bytes`);
    new Uint8Array(target.buffer, target.byteOffset, length).set(this.bytes.subarray(this.at, this.at + length));
    this.at += length;
    return target;
  }

  /** @throws Error when bytes are left over */
  end(): void {
    if (this.at !== this.bytes.length) throw new Error(`an entity's state has ${this.bytes.length - this.at} bytes too many`);
  }
}
