/**
 * The levels of noise of a variance-preserving diffusion, from the least to the most: z_t = signal x + noise eps with
 * signal^2 + noise^2 = 1. The angle of (signal, noise) rises evenly, the cosine schedule of Nichol and Dhariwal (2021).
 */
export interface NoiseLevel {
  readonly signal: number;
  readonly noise: number;
  /** Mean of q(z_before | z, x) = byZ z + byX x, and its variance: Ho et al. 2020, equation 7. Unused at the first level. */
  readonly byZ: number;
  readonly byX: number;
  readonly variance: number;
}

export const noiseLevels = (count: number, least: number, most: number): NoiseLevel[] => {
  const [from, to] = [Math.asin(least), Math.asin(most)];
  const levels: NoiseLevel[] = [];
  for (let t = 0; t < count; t += 1) {
    const angle = from + ((to - from) * t) / (count - 1);
    const [signal, noise] = [Math.cos(angle), Math.sin(angle)];
    const before = levels[t - 1];
    const kept = before ? signal / before.signal : 1;
    const added = before ? noise ** 2 - kept ** 2 * before.noise ** 2 : 0;
    levels.push({
      signal,
      noise,
      byZ: before ? (kept * before.noise ** 2) / noise ** 2 : 0,
      byX: before ? (before.signal * added) / noise ** 2 : 0,
      variance: before ? (added * before.noise ** 2) / noise ** 2 : 0,
    });
  }
  return levels;
};
