import { DAY_MS } from '../domain/time.js';
import type { MarkovPriors } from './feature-priors.js';

/** Edges of the amount-surprise bins on z of the amount (models.md, section 6); bin i holds [edge i-1, edge i). */
export const AMOUNT_BIN_EDGES: readonly number[] = [-1, 0, 1, 1.5, 2, 2.5, 3, 4, 6];
export const AMOUNT_BINS = AMOUNT_BIN_EDGES.length + 1;

/** Bin of a row that was too late to be learned: it has no cell, and its label changes none. */
export const NOT_LEARNED = 255;

export const amountBin = (z: number): number => {
  let bin = 0;
  while (bin < AMOUNT_BIN_EDGES.length && z >= AMOUNT_BIN_EDGES[bin]!) bin += 1;
  return bin;
};

/** Two-state chain clean <-> compromised with its evidence per amount-surprise bin, as log-likelihood ratios. */
export interface MarkovTables {
  /** Stationary P(compromised). */
  readonly stationary: number;
  /** l01 + l10 per millisecond. */
  readonly ratePerMs: number;
  /** log(P(label | compromised) / P(label | clean)) per bin. */
  readonly fraud: Float64Array;
  readonly legitimate: Float64Array;
  /** exp of the two, for the usual cell that holds one transaction. */
  readonly fraudRatio: Float64Array;
  readonly legitimateRatio: Float64Array;
}

export const markovTables = ({ q0, l01, l10, e1 }: Omit<MarkovPriors, 'rows'>): MarkovTables => {
  const fraudRatio = Float64Array.from(q0, (q) => e1 / q);
  const legitimateRatio = Float64Array.from(q0, (q) => (1 - e1) / (1 - q));
  return {
    stationary: l01 / (l01 + l10),
    ratePerMs: (l01 + l10) / DAY_MS,
    fraud: fraudRatio.map(Math.log),
    legitimate: legitimateRatio.map(Math.log),
    fraudRatio,
    legitimateRatio,
  };
};

/** P(compromised) after `elapsedMs` without evidence. */
export const decayed = (tables: MarkovTables, p: number, elapsedMs: number): number =>
  tables.stationary + (p - tables.stationary) * Math.exp(-tables.ratePerMs * elapsedMs);

/** Odds ratio that a cell of `n` transactions with `nFraud` known frauds speaks; legitimate ones are never negative. */
export const evidenceRatio = (tables: MarkovTables, bin: number, n: number, nFraud: number): number => {
  const legitimate = n > nFraud ? n - nFraud : 0;
  const fraud = nFraud > 0 ? nFraud : 0;
  if (legitimate === 1 && fraud === 0) return tables.legitimateRatio[bin]!;
  if (legitimate === 0 && fraud === 1) return tables.fraudRatio[bin]!;
  return Math.exp(fraud * tables.fraud[bin]! + legitimate * tables.legitimate[bin]!);
};

/** Keeps p away from 0 and 1, where no later evidence could move it. */
const ODDS_LIMIT = 1e12;

export const withEvidence = (p: number, ratio: number): number => {
  let odds = (p / (1 - p)) * ratio;
  if (odds > ODDS_LIMIT) odds = ODDS_LIMIT;
  if (odds < 1 / ODDS_LIMIT) odds = 1 / ODDS_LIMIT;
  return odds / (1 + odds);
};
