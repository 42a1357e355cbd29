import { KERNELS_BASE64 } from './kernels.wasm.js';

type Address = number;
interface Kernels {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly sumTrees: (
    ...args: [roots: Address, trees: number, nodes: Address, values: Address, cells: Address, ...sizesAndSums: number[]]
  ) => void;
  readonly sumOblivious: (
    ...args: [columns: Address, shifts: Address, thresholds: Address, leaves: Address, trees: number, ...rest: number[]]
  ) => void;
  readonly addShapley: (...args: number[]) => void;
  readonly binNumeric: (
    ...args: [values: Address, stride: number, rows: number, edges: Address, count: number, out: Address, outStride: number]
  ) => void;
}

/** The language's own; TypeScript declares it only with the browser's types. */
declare const WebAssembly: {
  readonly Module: new (binary: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

type Numbers = Float64Array | Float32Array | Int32Array | Uint16Array | Uint8Array;

const PAGE_BYTES = 65_536;
/** 2 GiB less a page: addresses stay positive as int32. */
const BYTES_MAX = 32_767 * PAGE_BYTES;
/** A block of rows: room for sixteen of 2^14 columns, the most that a test can name. */
const BLOCK_BYTES = 1 << 21;
/** Vectors are read whole, also at the end of an array. */
const ALIGNMENT = 16;
/** Rows that the kernel of symmetric trees takes at a time. */
export const TILE = 16;
/** What a model of more than this needs, it gets; the next one makes room again. */
const RESIDENT_BYTES_MAX = 128 << 20;

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/**
 * The trees' WebAssembly (kernels/) and its one memory in this thread: a block of rows in work, and behind it the models that
 * score, which stay until 128 MB are full; then all of them go and come back as they are used.
 */
class KernelMemory {
  readonly kernels = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(KERNELS_BASE64, 'base64'))).exports as Kernels;
  readonly #residents = new WeakMap<object, { readonly generation: number; readonly addresses: readonly Address[] }>();
  #generation = 0;
  #top = ALIGNMENT + BLOCK_BYTES;

  constructor() {
    this.#reserve(this.#top);
  }

  /** Where the arrays of a model lie; `arraysOf` is asked when they are not there. */
  addressesOf<T extends object>(owner: T, arraysOf: (owner: T) => readonly Numbers[]): readonly Address[] {
    const known = this.#residents.get(owner);
    if (known?.generation === this.#generation) return known.addresses;
    const arrays = arraysOf(owner);
    const bytes = arrays.reduce((sum, { byteLength }) => sum + aligned(byteLength), 0);
    if (this.#top + bytes > RESIDENT_BYTES_MAX) {
      this.#generation += 1;
      this.#top = ALIGNMENT + BLOCK_BYTES;
    }
    this.#reserve(this.#top + bytes);
    const addresses = arrays.map((array) => {
      const at = this.#top;
      this.write(at, array);
      this.#top += aligned(array.byteLength);
      return at;
    });
    this.#residents.set(owner, { generation: this.#generation, addresses });
    return addresses;
  }

  /**
   * Addresses in the block of rows for parts of so many bytes.
   * @throws RangeError when they do not fit
   */
  block(...bytes: readonly number[]): readonly Address[] {
    let at = ALIGNMENT;
    const addresses = bytes.map((size) => (at += aligned(size)) - aligned(size));
    if (at > ALIGNMENT + BLOCK_BYTES) throw new RangeError(`a block of rows takes ${at} bytes; there are ${BLOCK_BYTES}`);
    return addresses;
  }

  write(at: Address, { buffer, byteOffset, byteLength }: Numbers): void {
    this.bytes(at, byteLength).set(new Uint8Array(buffer, byteOffset, byteLength));
  }

  /** Not to be kept: memory that grows moves. */
  bytes(at: Address, length: number): Uint8Array {
    return new Uint8Array(this.kernels.memory.buffer, at, length);
  }

  doubles(at: Address, length: number): Float64Array {
    return new Float64Array(this.kernels.memory.buffer, at, length);
  }

  #reserve(bytes: number): void {
    if (bytes > BYTES_MAX) throw new RangeError(`trees of ${bytes} bytes do not fit into ${BYTES_MAX}`);
    const missing = bytes - this.kernels.memory.buffer.byteLength;
    if (missing > 0) this.kernels.memory.grow(Math.ceil(missing / PAGE_BYTES));
  }
}

let memory: KernelMemory | undefined;

/** Made when a thread first scores with trees. */
export const kernelMemory = (): KernelMemory => (memory ??= new KernelMemory());

/**
 * Sums of every row, block by block.
 *
 * @param add adds to the float64 `sums` of a block's `rows`, whose `cells` are row-major; sums of whole tiles of sixteen are there
 * @param roomBytes what `add` needs beside them
 */
export const sumInBlocks = (
  { cells, width, rowCount }: { readonly cells: Uint8Array; readonly width: number; readonly rowCount: number },
  add: (at: { readonly cells: Address; readonly rows: number; readonly sums: Address; readonly room: Address }) => void,
  roomBytes = 0,
): Float64Array => {
  const memory = kernelMemory();
  const sums = new Float64Array(rowCount);
  const step = blockRows(width);
  const [cellsAt, sumsAt, room] = memory.block(step * width, step * 8, roomBytes);
  for (let from = 0; from < rowCount; from += step) {
    const rows = Math.min(step, rowCount - from);
    memory.write(cellsAt!, cells.subarray(from * width, (from + rows) * width));
    memory.doubles(sumsAt!, Math.ceil(rows / TILE) * TILE).fill(0);
    add({ cells: cellsAt!, rows, sums: sumsAt!, room: room! });
    sums.set(memory.doubles(sumsAt!, rows), from);
  }
  return sums;
};

/** Rows of a block, a multiple of sixteen: their cells and one tree stay in the nearer caches. */
export const blockRows = (width: number): number => Math.max(TILE, Math.min(1024, ((1 << 18) / Math.max(width, 1) / 4) & -TILE));
