import { GAP_SCALE, GAP_SHAPE, HOUR_BINS, hourProbability } from './profile.js';
import { STAT, type PrimaryState } from './primary-state.js';
import type { FeaturePriors } from './feature-priors.js';
import type { RowWork } from './row-work.js';

/** Positions in a row of `ComputedFeatures.profiles`: what this entity was expected to do, before the row was learned. */
export const PROFILE = {
  amountMean: 0,
  amountScale: 1,
  amountNu: 2,
  gapShape: 3,
  gapScale: 4,
  /** Days since the entity's event before; -1 where it has none. */
  gapDays: 5,
  categoryMean: 6,
  categoryScale: 7,
  categoryNu: 8,
  /** Events of the hour before. */
  burst: 9,
  /** Probability of each 4-hour bin. */
  hours: 10,
} as const;
export const PROFILE_WIDTH = PROFILE.hours + HOUR_BINS;

export const writeProfileRow = (
  out: Float64Array,
  at: number,
  priors: FeaturePriors,
  state: PrimaryState,
  work: RowWork,
): void => {
  out[at + PROFILE.amountMean] = work.own.mean;
  out[at + PROFILE.amountScale] = work.own.scale;
  out[at + PROFILE.amountNu] = work.own.nu;
  out[at + PROFILE.gapShape] = GAP_SHAPE + state.stats[STAT.gapWeight]!;
  out[at + PROFILE.gapScale] = GAP_SCALE + state.stats[STAT.gapDays]!;
  out[at + PROFILE.gapDays] = work.gapDays >= 0 ? work.gapDays : -1;
  out[at + PROFILE.burst] = work.burst;
  out[at + PROFILE.categoryMean] = work.ofCategory.mean;
  out[at + PROFILE.categoryScale] = work.ofCategory.scale;
  out[at + PROFILE.categoryNu] = work.ofCategory.nu;
  for (let b = 0; b < HOUR_BINS; b += 1) out[at + PROFILE.hours + b] = hourProbability(state, priors, b);
};
