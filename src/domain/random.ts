/**
 * Seeded randomness, passed as an argument wherever chance is needed: the same seed gives the same run.
 *
 * Generator: sfc32 (Chris Doty-Humphrey, PractRand), seeded through splitmix32.
 */
export interface Random {
  /** Uniform in [0, 1), 32 bits of resolution. */
  uniform(): number;
  /** Standard normal (Marsaglia polar method). */
  normal(): number;
  /** Integer in [0, n); n must be a positive safe integer. */
  integer(n: number): number;
  /** A generator of its own for a named part, so that parts don't shift each other's draws. */
  fork(name: string): Random;
}

const splitmix32 = (seed: number): (() => number) => {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let t = state ^ (state >>> 16);
    t = Math.imul(t, 0x21f0aaad);
    t ^= t >>> 15;
    t = Math.imul(t, 0x735a2d97);
    return (t ^ (t >>> 15)) >>> 0;
  };
};

const hashName = (seed: number, name: string): number => {
  let hash = seed ^ 0x811c9dc5;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
};

/** @param seed any integer; only its low 32 bits count */
export const createRandom = (seed: number): Random => {
  const init = splitmix32(seed);
  let a = init();
  let b = init();
  let c = init();
  let counter = 1;
  let spare: number | undefined;
  const bits = (): number => {
    const t = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    c |= 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i += 1) bits();
  const uniform = (): number => bits() / 4294967296;
  return {
    uniform,
    integer: (n) => Math.floor(uniform() * n),
    normal() {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      for (;;) {
        const x = 2 * uniform() - 1;
        const y = 2 * uniform() - 1;
        const square = x * x + y * y;
        if (square >= 1 || square === 0) continue;
        const scale = Math.sqrt((-2 * Math.log(square)) / square);
        spare = y * scale;
        return x * scale;
      }
    },
    fork: (name) => createRandom(hashName(seed, name)),
  };
};
