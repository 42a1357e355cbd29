import type { FeatureMatrix } from '../domain/feature-matrix.js';
import type { Transaction } from '../domain/transaction.js';
import { bucketStart, type Activity } from './activity.js';
import { hourOfDay, weekday, writeCalendarFlags } from './calendar.js';
import type { FeatureSet } from './catalog.js';
import { markovLogOdds, writeRisk } from './entity-risk.js';
import { levelOf, writeFields } from './fields.js';
import { amountBin, NOT_LEARNED } from './markov-filter.js';
import { learnCategory, learnCounterpart, readCategory, writeNovelty } from './novelty.js';
import { hashId, STAT, type PrimaryState } from './primary-state.js';
import { learnProfile, readProfile, writeProfile } from './profile.js';
import { PROFILE_WIDTH, writeProfileRow } from './profile-row.js';
import { logAmount, placeInTime, rowWork, type RowWork } from './row-work.js';
import { writeSequence } from './sequence.js';
import { writeLargest, writeVelocity } from './velocity.js';

export interface ComputedFeatures {
  readonly matrix: FeatureMatrix;
  /** 1: behind its primary entity's newest event. */
  readonly late: Uint8Array;
  /** Amount-surprise bin of each row's evidence cells; NOT_LEARNED for rows more than 30 days late. */
  readonly amountBins: Uint8Array;
  /** rows x PROFILE_WIDTH: parameters of the predictive distributions before the update, for `usualValues`; empty without state. */
  readonly profiles: Float64Array;
}

/** Keeping `profiles` costs 112 bytes a row: a replay of a whole history leaves them out. */
export interface ComputeOptions {
  readonly withProfiles: boolean;
}

/**
 * Features of transactions in the order given, each computed before the activity learns it. Any cutting of a stream into
 * batches, with states and cells stored in between, gives the same bits.
 */
export const computeFeatures = (
  featureSet: FeatureSet,
  transactions: readonly Transaction[],
  activity: Activity,
  options: ComputeOptions = { withProfiles: true },
): ComputedFeatures => {
  if (activity.featureSet.id !== featureSet.id)
    throw new Error(`activity of feature set ${activity.featureSet.id} cannot serve feature set ${featureSet.id}`);
  const { plan, columns } = featureSet;
  const rows = transactions.length;
  const values = new Float32Array(rows * columns.length);
  const late = new Uint8Array(rows);
  const amountBins = new Uint8Array(rows);
  const keepsProfiles = plan.hasState && options.withProfiles;
  const profiles = new Float64Array(keepsProfiles ? rows * PROFILE_WIDTH : 0);
  const work = rowWork(plan);
  for (let row = 0; row < rows; row += 1) {
    const transaction = transactions[row]!;
    const at = row * columns.length;
    if (!plan.hasState) {
      writePlain(values, at, featureSet, transaction);
      continue;
    }
    const state = activity.stateOf(transaction.entities[0]!);
    read(featureSet, transaction, state, work);
    writeRow(values, at, featureSet, transaction, state, activity, work);
    if (keepsProfiles) writeProfileRow(profiles, row * PROFILE_WIDTH, featureSet.priors, state, work);
    late[row] = work.isLate ? 1 : 0;
    amountBins[row] = work.isTooLate ? NOT_LEARNED : amountBin(work.z);
    if (!work.isTooLate) learn(featureSet, transaction, state, activity, work);
  }
  return { matrix: { columns, rowCount: rows, values }, late, amountBins, profiles };
};

const writePlain = (out: Float32Array, at: number, { schema, plan }: FeatureSet, transaction: Transaction): void => {
  if (schema.amount) {
    out[at] = logAmount(transaction.amountMinor / plan.minorPerUnit);
    at += 1;
  }
  if (schema.time) {
    out[at] = hourOfDay(transaction.occurredAtMs);
    at += 1;
  }
  writeFields(out, at, plan, transaction);
};

const read = ({ plan, priors }: FeatureSet, transaction: Transaction, state: PrimaryState, work: RowWork): void => {
  work.occurredAtMs = transaction.occurredAtMs;
  work.amountMinor = transaction.amountMinor;
  work.x = logAmount(transaction.amountMinor / plan.minorPerUnit);
  placeInTime(work, state, state.stats[STAT.lastMs]!);
  readProfile(work, state, priors);
  work.counterpartHash = plan.counterpartIndex < 0 ? 0 : hashId(transaction.entities[plan.counterpartIndex]!);
  const category = plan.profileIndex < 0 ? null : transaction.categorical[plan.profileIndex]!;
  work.categoryLevel = category === null ? -1 : levelOf(plan, plan.profileIndex, category);
  readCategory(work, state, priors);
};

/** In the order of the catalog. */
const writeRow = (
  out: Float32Array,
  start: number,
  { plan, priors, columns }: FeatureSet,
  transaction: Transaction,
  state: PrimaryState,
  activity: Activity,
  work: RowWork,
): void => {
  const ms = transaction.occurredAtMs;
  let at = start;
  out[at] = transaction.amountMinor / plan.minorPerUnit;
  at = writeCalendarFlags(out, at + 1, ms);
  at = writeVelocity(out, at, plan, state, work);
  for (let type = 0; type < plan.secondary.length; type += 1) {
    const entity = plan.secondary[type]!;
    at = writeRisk(out, at, plan, entity, activity.findCells(type, transaction.entities[entity.index]!), ms);
  }
  if (!plan.isFull) at = writeSequence(out, at, plan, state, work);
  else {
    at = writeLargest(out, at, plan, work);
    at = writeProfile(out, at, plan, priors, state, work);
    at = writeNovelty(out, at, plan, priors, state, work);
    for (let type = 0; type < plan.secondary.length; type += 1) {
      const entity = plan.secondary[type]!;
      if (entity.markov === null) continue;
      out[at] = markovLogOdds(plan, entity, activity.findCells(type, transaction.entities[entity.index]!), ms);
      at += 1;
    }
    out[at] = hourOfDay(ms);
    out[at + 1] = weekday(ms);
    at = writeSequence(out, at + 2, plan, state, work);
    at = writeFields(out, at, plan, transaction);
  }
  if (at - start !== columns.length) throw new Error(`${at - start} features were written into ${columns.length} columns`);
};

const learn = ({ plan }: FeatureSet, transaction: Transaction, state: PrimaryState, activity: Activity, work: RowWork): void => {
  const { stats } = state;
  learnProfile(state, work);
  if (plan.counterpartIndex >= 0) learnCounterpart(state, work.counterpartHash);
  learnCategory(state, work);
  const newestMs = state.isNew ? work.occurredAtMs : Math.max(stats[STAT.lastMs]!, work.occurredAtMs);
  stats[STAT.lastMs] = newestMs;
  state.events.add(work.occurredAtMs, work.amountMinor, newestMs - plan.windowsMs.at(-1)!);
  state.isNew = false;
  state.isChanged = true;
  const bin = amountBin(work.z);
  for (let type = 0; type < plan.secondary.length; type += 1) {
    const { index, bucketMs } = plan.secondary[type]!;
    activity.cellsOf(type, transaction.entities[index]!).add(bucketStart(work.occurredAtMs, bucketMs), bin, 1, 0);
  }
};
