import { numericColumn, type FeatureColumn } from '../domain/feature-matrix.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import type { FeaturePlan } from './plan.js';
import { CATEGORIES_MAX, COUNTERPARTS_MAX, STAT, type PrimaryState } from './primary-state.js';
import type { FeaturePriors } from './feature-priors.js';
import { FORGET, predictAmount, winsorised } from './profile.js';
import type { RowWork } from './row-work.js';

/** Chinese restaurant process: concentration, and what a counterpart never seen before gets of it. */
const CONCENTRATION = 2;
const NEW_SHARE = 0.01;
/** Pseudo-counts of the global mix of categories in an entity's own. */
const CATEGORY_PRIOR = 4;

export const noveltyColumns = (schema: TransactionSchema, plan: FeaturePlan): FeatureColumn[] => {
  const columns: FeatureColumn[] = [];
  if (plan.counterpartIndex >= 0) {
    const { name } = schema.entities[plan.counterpartIndex]!;
    columns.push(numericColumn('s_counterpart', 'up', name), numericColumn('new_counterpart', 'up', name));
  }
  if (plan.profileIndex >= 0) {
    columns.push(numericColumn('s_category', 'up', schema.categorical[plan.profileIndex]!.column));
    columns.push(numericColumn('z_amt_category', 'up', schema.amount!.column));
  }
  return columns;
};

const counterpartSlot = (state: PrimaryState, hash: number): number => {
  for (let i = 0; i < state.counterparts; i += 1) if (state.counterpartIds[i] === hash) return i;
  return -1;
};

const categorySlot = (state: PrimaryState, level: number): number => {
  for (let i = 0; i < state.categories; i += 1) if (state.categoryLevels[i] === level) return i;
  return -1;
};

/** Predictive of x within the row's category, for this entity; without a category it is the entity's own. */
export const readCategory = (work: RowWork, state: PrimaryState, priors: FeaturePriors): void => {
  const prior = priors.categories?.[work.categoryLevel];
  if (prior === undefined) {
    Object.assign(work.ofCategory, work.own);
    return;
  }
  const slot = categorySlot(state, work.categoryLevel);
  const at = slot * 3;
  const sums = state.categorySums;
  if (slot < 0) predictAmount(0, 0, 0, prior.m0, prior.v0, work.ofCategory);
  else predictAmount(sums[at]!, sums[at + 1]!, sums[at + 2]!, prior.m0, prior.v0, work.ofCategory);
};

export const writeNovelty = (
  out: Float32Array,
  at: number,
  plan: FeaturePlan,
  priors: FeaturePriors,
  state: PrimaryState,
  work: RowWork,
): number => {
  if (plan.counterpartIndex >= 0) {
    const slot = counterpartSlot(state, work.counterpartHash);
    const seen = slot < 0 ? 0 : state.counterpartCounts[slot]!;
    const total = state.stats[STAT.counterpartWeight]! + CONCENTRATION;
    out[at] = -Math.log((seen + CONCENTRATION * NEW_SHARE) / total);
    out[at + 1] = slot < 0 ? 1 : 0;
    at += 2;
  }
  if (plan.profileIndex >= 0) {
    const prior = priors.categories?.[work.categoryLevel];
    const slot = categorySlot(state, work.categoryLevel);
    const seen = slot < 0 ? 0 : state.categorySums[slot * 3]!;
    const total = state.stats[STAT.categoryWeight]! + CATEGORY_PRIOR;
    out[at] = prior === undefined ? 0 : -Math.log((seen + CATEGORY_PRIOR * prior.share) / total);
    out[at + 1] = (work.x - work.ofCategory.mean) / work.ofCategory.scale;
    at += 2;
  }
  return at;
};

export const learnCounterpart = (state: PrimaryState, hash: number): void => {
  const { stats } = state;
  let lowest = 0;
  for (let i = 0; i < state.counterparts; i += 1) {
    state.counterpartCounts[i]! *= FORGET;
    if (state.counterpartCounts[i]! < state.counterpartCounts[lowest]!) lowest = i;
  }
  stats[STAT.counterpartWeight] = FORGET * stats[STAT.counterpartWeight]! + 1;
  let slot = counterpartSlot(state, hash);
  if (slot < 0) {
    slot = state.counterparts < COUNTERPARTS_MAX ? state.addCounterpart() : lowest;
    state.counterpartIds[slot] = hash;
    state.counterpartCounts[slot] = 0;
  }
  state.counterpartCounts[slot]! += 1;
};

export const learnCategory = (state: PrimaryState, work: RowWork): void => {
  if (work.categoryLevel < 0) return;
  const { stats } = state;
  if (state.categorySums.length === 0) state.categorySums = new Float64Array(CATEGORIES_MAX * 3);
  const sums = state.categorySums;
  let lowest = 0;
  for (let i = 0; i < state.categories; i += 1) if (sums[i * 3]! < sums[lowest * 3]!) lowest = i;
  for (let i = 0; i < state.categories * 3; i += 1) sums[i]! *= FORGET;
  stats[STAT.categoryWeight] = FORGET * stats[STAT.categoryWeight]! + 1;
  let slot = categorySlot(state, work.categoryLevel);
  const weight = slot < 0 ? 0 : sums[slot * 3]!;
  const x = winsorised(work.x, weight, work.ofCategory);
  if (slot < 0) {
    slot = lowest;
    if (state.categories < CATEGORIES_MAX) {
      slot = state.categories;
      state.categories += 1;
    }
    state.categoryLevels[slot] = work.categoryLevel;
    sums.fill(0, slot * 3, slot * 3 + 3);
  }
  sums[slot * 3]! += 1;
  sums[slot * 3 + 1]! += x;
  sums[slot * 3 + 2]! += x * x;
};
