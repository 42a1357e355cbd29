import { TensorError } from './tensor.js';

/** What is used of a WebAssembly.Memory, whose own types come only with the browser's. */
export interface GrowableMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

const PAGE_BYTES = 65_536;
/** 2 GiB less a page: addresses stay positive as int32. */
const PAGES_MAX = 32_767;
/** Kernels work on whole vectors and touch up to 28 bytes beyond a tensor's end. */
const SPARE_FLOATS = 8;
const UNIT_FLOATS = 16;

/** The size class of `length` floats, in units of 64 bytes: exact up to 4 units, then four steps an octave (at most 25 % waste). */
const sizeClass = (length: number): number => {
  const units = (length + SPARE_FLOATS + UNIT_FLOATS - 1) >>> 4;
  if (units <= 4) return units;
  const exponent = 29 - Math.clz32(units - 1);
  return exponent * 4 + ((units - 1) >>> exponent) + 1;
};

const unitsOf = (index: number): number => {
  if (index <= 4) return index;
  const exponent = (index - 5) >>> 2;
  return (index - exponent * 4) << exponent;
};

/**
 * Allocation in a WebAssembly memory: one list of free blocks a size class, so that a training step which makes the same
 * tensors as the one before takes the same blocks again. Memory only grows; addresses are bytes, multiples of 64.
 */
export class LinearMemory {
  /** Views of the whole memory, made anew when it grows: not to be kept. */
  floats: Float32Array;
  integers: Int32Array;
  private readonly free: number[][] = Array.from({ length: 128 }, () => []);
  /** Addresses below 64 stay unused. */
  private top = 64;

  constructor(
    private readonly memory: GrowableMemory,
    private readonly pagesMax = PAGES_MAX,
  ) {
    this.floats = new Float32Array(memory.buffer);
    this.integers = new Int32Array(memory.buffer);
  }

  get bytes(): number {
    return this.memory.buffer.byteLength;
  }

  /** Room for `length` floats, their values undefined. */
  allocate(length: number): number {
    const index = sizeClass(length);
    const address = this.free[index]!.pop();
    return address ?? this.extend(unitsOf(index) * UNIT_FLOATS * 4);
  }

  release(address: number, length: number): void {
    this.free[sizeClass(length)]!.push(address);
  }

  private extend(bytes: number): number {
    const address = this.top;
    const missing = Math.ceil((address + bytes - this.bytes) / PAGE_BYTES);
    if (missing > 0) {
      const pages = this.bytes / PAGE_BYTES;
      if (pages + missing > this.pagesMax) {
        const limit = (this.pagesMax * PAGE_BYTES) / 2 ** 20;
        throw new TensorError(`simd: tensors need more than ${Math.ceil(limit)} MiB (${bytes} bytes asked for): cut the batch`);
      }
      this.memory.grow(Math.min(Math.max(missing, pages >> 1), this.pagesMax - pages));
      this.floats = new Float32Array(this.memory.buffer);
      this.integers = new Int32Array(this.memory.buffer);
    }
    this.top = address + bytes;
    return address;
  }
}
