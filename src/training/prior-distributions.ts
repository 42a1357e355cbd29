import type { FeatureColumn } from '../domain/feature-matrix.js';
import type { FeatureSet } from '../features/catalog.js';
import { HASHED_LEVELS } from '../features/hashed-levels.js';
import { normalQuantile } from '../models/normal-distribution.js';
import type { KnownDistribution } from '../models/tail.js';

/** Excess over `start`, exponential: each `scale` more is e times rarer. */
const exponential = (scale: number, start = 0): KnownDistribution => ({
  upper: (p) => start - scale * Math.log(p),
  lower: (p) => start - scale * Math.log1p(-p),
});

/** Symmetric about 0. @param upper for p up to 1/2 */
const symmetric = (upper: (p: number) => number): KnownDistribution => {
  const whole = (p: number): number => (p <= 0.5 ? upper(p) : -upper(1 - p));
  return { upper: whole, lower: (p) => -whole(p) };
};

/** Student's t with 4 degrees of freedom, the predictive of an amount of a new entity: closed form of Shaw (2006). */
const studentT4 = (scale: number): KnownDistribution =>
  symmetric((p) => {
    const root = Math.sqrt(4 * p * (1 - p));
    return 2 * scale * Math.sqrt(Math.max(0, Math.cos(Math.acos(Math.min(1, root)) / 3) / root - 1));
  });

/**
 * A number of either sign whose scale nobody has stated: P(X >= x) = 1 / (2 (1 + x)). Each power of e in size is one nat,
 * whatever the unit; small positive numbers that are risky (`down`) can say little.
 */
const withoutScale = symmetric((p) => 0.5 / p - 1);

const NORMAL = symmetric((p) => -normalQuantile(p));
const shifted = ({ upper, lower }: KnownDistribution, of: (z: number) => number): KnownDistribution => ({
  upper: (p) => of(upper(p)),
  lower: (p) => of(lower(p)),
});

/** The mean of max(z, 0) over recent payments: of Student's t with 4 degrees of freedom 1/2. */
const RECENT_SCALE = 0.5;
/** One known fraud among twenty payments is e times rarer than none. */
const RISK_SCALE = 0.05;
/** Payments a day: the mean of the features' own prior, Gamma(2, 1). */
const PAYMENTS_A_DAY = 2;
/** Hours: six bins alike. A counterpart that is new to whom one knows nothing of: 1 / 0.01 of the process's new share. */
const HOUR_EVEN = Math.log(6);
const NEW_COUNTERPART = Math.log(100);

/**
 * What channel T takes for usual before it has seen a row, by column: the predictive distributions of the features themselves.
 * A surprisal is exponential by its definition; where a feature is −log p of a level, what the prior alone makes of it is 0 nats.
 * Valid where the schema's amounts are like card payments (`schemaPriors`); elsewhere it still ranks, and conformal calibration
 * makes the rate right.
 */
export const priorDistribution = ({ priors, schema, plan }: FeatureSet, column: FeatureColumn): KnownDistribution => {
  const spread = Math.sqrt(priors.v0);
  const logAmount = shifted(NORMAL, (z) => priors.m0 + spread * z);
  const own: Readonly<Record<string, KnownDistribution>> = {
    log_amount: logAmount,
    tx_amount: shifted(logAmount, Math.expm1),
    z_amt: studentT4(1),
    z_amt_category: studentT4(1),
    rel: studentT4(spread),
    s_gap: exponential(1),
    s_burst: exponential(1),
    s_hour: exponential(1, HOUR_EVEN),
    s_counterpart: exponential(1, NEW_COUNTERPART),
    s_category: exponential(1, Math.log(HASHED_LEVELS.length)),
    recent_z: exponential(RECENT_SCALE),
  };
  // A field that has the name of a derived feature is called otherwise (`raw_…`).
  const isDerived = !schema.numeric.some((field) => field.column === column.field);
  const known = isDerived ? own[column.name] : undefined;
  if (known) return known;
  const window = isDerived && plan.hasState ? /_(nb|risk)_(\d+)d$/.exec(column.name) : null;
  if (window) return exponential(window[1] === 'nb' ? PAYMENTS_A_DAY * Number(window[2]) : RISK_SCALE);
  return withoutScale;
};
