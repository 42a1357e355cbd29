import { type GrowableMemory, LinearMemory } from './linear-memory.js';

declare const WebAssembly: { readonly Memory: new (options: { initial: number }) => GrowableMemory };

const memoryOf = (pagesMax?: number): LinearMemory => new LinearMemory(new WebAssembly.Memory({ initial: 1 }), pagesMax);

describe('linear memory', () => {
  it('gives blocks that do not overlap, with room for a vector beyond their end', () => {
    const memory = memoryOf();
    const lengths = [
      1, 2, 7, 8, 9, 15, 16, 17, 55, 56, 57, 63, 64, 65, 100, 120, 121, 127, 128, 129, 1000, 4095, 4096, 4097, 65_536, 100_000,
    ];
    const blocks = lengths.map((length) => ({ from: memory.allocate(length), length })).sort((a, b) => a.from - b.from);
    blocks.forEach(({ from, length }, i) => {
      expect(from % 16).toBe(0);
      const end = from + (length + 7) * 4;
      expect(end).toBeLessThanOrEqual(blocks[i + 1]?.from ?? memory.bytes);
    });
  });

  it('wastes at most a quarter on large blocks', () => {
    for (let length = 300; length < 300_000; length = Math.ceil(length * 1.37)) {
      const memory = memoryOf();
      const first = memory.allocate(length);
      const bytes = memory.allocate(length) - first;
      expect(bytes).toBeLessThanOrEqual(1.25 * (length + 24) * 4);
    }
  });

  it('takes released blocks again', () => {
    const memory = memoryOf();
    const first = memory.allocate(1000);
    memory.release(first, 1000);
    expect(memory.allocate(1000)).toBe(first);
    expect(memory.allocate(1000)).not.toBe(first);
  });

  it('renews its views when it grows', () => {
    const memory = memoryOf();
    const address = memory.allocate(100_000);
    memory.floats[address / 4 + 99_999] = 1.5;
    expect(memory.floats.buffer.byteLength).toBe(memory.bytes);
    expect(memory.integers[address / 4 + 99_999]).toBe(0x3fc00000);
  });

  it('stops at its limit with a sentence, after using all of it', () => {
    const memory = memoryOf(16);
    const fill = (): void => {
      for (;;) memory.allocate(1000);
    };
    expect(fill).toThrow('simd: tensors need more than 1 MiB (4096 bytes asked for): cut the batch');
    expect(memory.bytes).toBe(2 ** 20);
    expect(() => memoryOf().allocate(2 ** 29)).toThrow('simd: tensors need more than 2048 MiB');
  });
});
