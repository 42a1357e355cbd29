import { fuse } from './ensemble.js';

const p = (S: number, T: number, H: number, D: number) => ({
  S: -Math.log10(S),
  T: -Math.log10(T),
  H: -Math.log10(H),
  D: -Math.log10(D),
});
const weights = { S: 0.7, T: 0.2, H: 0.1, D: 0 };

describe('fusion', () => {
  it('gives lanes the largest w / p', () => {
    const fused = fuse(p(0.1, 0.01, 0.5, 1e-9), { kind: 'lanes', weights });
    expect(fused.lane).toBe('T');
    expect(fused.score).toBeCloseTo(Math.log(0.2 / 0.01), 12);
  });

  it('adds w / p for the harmonic mean', () => {
    const fused = fuse(p(0.1, 0.01, 0.5, 1e-9), { kind: 'harmonic', weights });
    expect(fused.lane).toBe('T');
    expect(fused.score).toBeCloseTo(Math.log(0.7 / 0.1 + 0.2 / 0.01 + 0.1 / 0.5), 12);
  });

  it.each(['lanes', 'harmonic'] as const)('stays finite and in order far beyond 1e-308 (%s)', (kind) => {
    const at = (S: number) => fuse({ S, T: 500, H: 0, D: 0 }, { kind, weights }).score;
    expect(Number.isFinite(at(100_000))).toBe(true);
    expect(at(100_001)).toBeGreaterThan(at(100_000));
  });
});
