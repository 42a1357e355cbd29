export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Nearest rank: no value that was not measured. NaN where there is none. */
export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;

export const spreadOf = (values: readonly number[]): Spread => {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    count: sorted.length,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    p999: quantile(sorted, 0.999),
    max: sorted.at(-1) ?? NaN,
  };
};

export interface Slope {
  readonly perUnit: number;
  /** Of the slope, for as many independent points as the residuals' lag-one autocorrelation leaves. */
  readonly standardError: number;
  /** Within two standard errors of zero. */
  readonly isNoise: boolean;
}

/**
 * Least squares of y over x. Samples of a saw tooth (garbage collection, checkpoints) depend on each other, so their number
 * is reduced to n (1 - r) / (1 + r), r being the lag-one autocorrelation of the residuals (Bayley and Hammersley 1946).
 * All NaN with fewer than four points.
 */
export const slopeOf = (x: readonly number[], y: readonly number[]): Slope => {
  const n = x.length;
  if (n < 4) return { perUnit: NaN, standardError: NaN, isNoise: false };
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / n;
  const [meanX, meanY] = [mean(x), mean(y)];
  const spreadX = x.reduce((sum, value) => sum + (value - meanX) ** 2, 0);
  const perUnit = x.reduce((sum, value, i) => sum + (value - meanX) * (y[i]! - meanY), 0) / spreadX;
  const residuals = y.map((value, i) => value - meanY - perUnit * (x[i]! - meanX));
  const square = residuals.reduce((sum, value) => sum + value ** 2, 0);
  const lagged = residuals.slice(1).reduce((sum, value, i) => sum + value * residuals[i]!, 0);
  const r = square > 0 ? Math.min(Math.max(lagged / square, 0), 0.99) : 0;
  const independent = Math.max(3, (n * (1 - r)) / (1 + r));
  const standardError = Math.sqrt(square / n / (independent - 2) / (spreadX / n));
  return { perUnit, standardError, isNoise: Math.abs(perUnit) <= 2 * standardError };
};
