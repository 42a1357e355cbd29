import type { Transferable } from 'node:worker_threads';
import { CHANNELS, type Bound, type Channel, type Outcome } from '../domain/decision.js';
import { EvidenceColumns } from '../domain/evidence-columns.js';
import type { ChannelScore, ScoredTransaction, Versions } from '../domain/scored-transaction.js';
import type { Transaction } from '../domain/transaction.js';
import type { EntityState, ScoringResult } from '../scoring/ports.js';

/**
 * Batches on their way between threads, in few arrays: cloned object by object, a batch costs both threads more than its
 * parsing. Arrays are handed over where their owner needs them no longer.
 */

/** Entity states, one behind the other. */
export interface PackedStates {
  readonly entityIds: readonly string[];
  readonly versions: readonly number[];
  /** Where each begins in `bytes`, and at last where they end. */
  readonly starts: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export const packStates = (states: readonly EntityState[]): PackedStates => {
  const starts = [0];
  for (const { bytes } of states) starts.push(starts.at(-1)! + bytes.length);
  const bytes = new Uint8Array(starts.at(-1)!);
  states.forEach((state, i) => bytes.set(state.bytes, starts[i]));
  return { entityIds: states.map((s) => s.entityId), versions: states.map((s) => s.version), starts, bytes };
};

export const unpackStates = ({ entityIds, versions, starts, bytes }: PackedStates): EntityState[] =>
  entityIds.map((entityId, i) => ({ entityId, version: versions[i]!, bytes: bytes.subarray(starts[i], starts[i + 1]) }));

export interface PackedTransactions {
  /** occurredAtMs, amountMinor and the numeric fields of each. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** id, currency, entities and categorical fields of each. */
  readonly texts: readonly (string | null)[];
  readonly rows: number;
  readonly entities: number;
}

/** @param transactions of one schema: all have as many fields */
export const packTransactions = (transactions: readonly Transaction[]): PackedTransactions => {
  const rows = transactions.length;
  const entities = transactions[0]?.entities.length ?? 0;
  const numbers = new Float64Array(rows * (2 + (transactions[0]?.numeric.length ?? 0)));
  const texts: (string | null)[] = [];
  let at = 0;
  for (const { id, currency, occurredAtMs, amountMinor, ...fields } of transactions) {
    numbers[at] = occurredAtMs;
    numbers[at + 1] = amountMinor;
    numbers.set(fields.numeric, at + 2);
    at += 2 + fields.numeric.length;
    texts.push(id, currency, ...fields.entities, ...fields.categorical);
  }
  return { numbers, texts, rows, entities };
};

export const unpackTransactions = ({ numbers, texts, rows, entities }: PackedTransactions): Transaction[] => {
  const [numberWidth, textWidth] = [numbers.length / rows, texts.length / rows];
  return Array.from({ length: rows }, (_, row) => {
    const [n, t] = [row * numberWidth, row * textWidth];
    return {
      id: texts[t]!,
      occurredAtMs: numbers[n]!,
      entities: texts.slice(t + 2, t + 2 + entities) as string[],
      amountMinor: numbers[n + 1]!,
      currency: texts[t + 1]!,
      numeric: Array.from(numbers.subarray(n + 2, n + numberWidth)),
      categorical: texts.slice(t + 2 + entities, t + textWidth),
    };
  });
};

/** What a thread answers; the transactions stay with who asked. */
export interface PackedResult {
  readonly featureSet: string;
  readonly versions: Versions | null;
  /** rows x width. */
  readonly features: Float32Array<ArrayBuffer>;
  /** Score and -log10 p of S, T, H, D and F, fraud probability, threshold. NaN stands for null in all but scores. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** Outcome, lane (none: 255), bound, late, amount bin. */
  readonly codes: Uint8Array<ArrayBuffer>;
  readonly states: PackedStates;
  readonly evidence: EvidenceColumns;
  readonly alerts: ScoringResult['alerts'];
  /** Few arrays as they are. */
  readonly shadows: NonNullable<ScoringResult['shadows']>;
}

const NUMBERS = 12;
const CODES = 5;
const NONE = 255;
const OUTCOMES: readonly Outcome[] = ['approve', 'review', 'decline'];
const BOUNDS: readonly Bound[] = ['budget-share', 'budget-count', 'error-rate'];

export const packResult = (result: ScoringResult): { readonly packed: PackedResult; readonly transfer: Transferable[] } => {
  const { rows, featureSet, alerts, shadows = [] } = result;
  const width = rows[0]?.scored.features.length ?? 0;
  const features = new Float32Array(rows.length * width);
  const numbers = new Float64Array(rows.length * NUMBERS);
  const codes = new Uint8Array(rows.length * CODES);
  rows.forEach(({ scored, amountBin }, i) => {
    features.set(scored.features, i * width);
    writeNumbers(numbers, i * NUMBERS, scored);
    const { outcome, lane, bound } = scored.decision;
    codes.set([OUTCOMES.indexOf(outcome), lane === null ? NONE : CHANNELS.indexOf(lane), BOUNDS.indexOf(bound)], i * CODES);
    codes.set([scored.late ? 1 : 0, amountBin], i * CODES + 3);
  });
  const states = packStates(result.states);
  const evidence = EvidenceColumns.of(result.evidence);
  const versions = rows[0]?.scored.versions ?? null;
  const packed = { featureSet, versions, features, numbers, codes, states, evidence, alerts, shadows };
  return { packed, transfer: [features.buffer, numbers.buffer, codes.buffer, states.bytes.buffer, evidence.numbers.buffer] };
};

/** @param transactions those that were sent, in their order */
export const unpackResult = (packed: PackedResult, transactions: readonly Transaction[]): ScoringResult => {
  const { featureSet, versions, features, numbers, codes, states, evidence, alerts, shadows } = packed;
  const width = features.length / transactions.length;
  const rows = transactions.map((transaction, i) => ({
    scored: {
      transaction,
      features: features.subarray(i * width, (i + 1) * width),
      ...readNumbers(numbers, i * NUMBERS),
      decision: {
        outcome: OUTCOMES[codes[i * CODES]!]!,
        lane: CHANNELS[codes[i * CODES + 1]!] ?? null,
        bound: BOUNDS[codes[i * CODES + 2]!]!,
        thresholdMinusLog10P: numbers[i * NUMBERS + 11]!,
      },
      late: codes[i * CODES + 3] === 1,
      versions: versions!,
    },
    amountBin: codes[i * CODES + 4]!,
  }));
  const cells = new EvidenceColumns(evidence.runs, evidence.numbers, evidence.frozenBeforeMs);
  const result = { featureSet, rows, states: unpackStates(states), evidence: [...cells], alerts };
  return shadows.length > 0 ? { ...result, shadows } : result;
};

const writeNumbers = (out: Float64Array, at: number, scored: ScoredTransaction): void => {
  const { channels, fused, fraudProbability, decision } = scored;
  let to = at;
  for (const { score, minusLog10P } of [channels.S, channels.T, channels.H, channels.D, fused]) {
    out[to] = score;
    out[to + 1] = minusLog10P ?? NaN;
    to += 2;
  }
  out[to] = fraudProbability ?? NaN;
  out[to + 1] = decision.thresholdMinusLog10P;
};

const readNumbers = (numbers: Float64Array, at: number) => {
  const nullable = (value: number): number | null => (Number.isNaN(value) ? null : value);
  const channel = (i: number): ChannelScore => ({ score: numbers[at + 2 * i]!, minusLog10P: nullable(numbers[at + 2 * i + 1]!) });
  const channels: Record<Channel, ChannelScore> = { S: channel(0), T: channel(1), H: channel(2), D: channel(3) };
  return { channels, fused: channel(4), fraudProbability: nullable(numbers[at + 10]!) };
};
