import type { RehearsedCell } from '../../src/training/rehearsal-figures.js';
import type { TrainingRun } from '../../src/training/ports.js';

/**
 * What a training run's report holds, as far as the page shows it. It is stored JSON, maybe of an earlier build: numbers that
 * were none are null, and every part may be absent.
 */
export interface RunReport {
  readonly verdict: string;
  readonly reasons: readonly string[];
  readonly gate: Gate;
  readonly rehearsal?: { readonly candidate?: Rehearsal | null; readonly champion?: Rehearsal | null };
  readonly training?: Training;
}

/** Of a figure; null where there was nothing to resample. */
export interface Stated {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

export interface Check {
  readonly name: string;
  readonly outcome: string;
  readonly sentence: string;
  readonly candidate: Stated | null;
  readonly champion: Stated | null;
  readonly difference: Stated | null;
}

export interface Gate {
  readonly checks: readonly Check[];
  readonly candidate?: string;
  readonly champion?: string | null;
  readonly rows?: number;
  readonly maturedRows?: number;
  readonly maturedFrauds?: number;
  readonly immatureShare?: number;
  readonly budget?: number;
}

export interface Rehearsal {
  readonly cells: readonly RehearsedCell[];
  readonly attacks?: number;
  readonly passes?: number;
  readonly notApplicable?: readonly { readonly scenario: string; readonly reason: string }[];
}

export interface Training {
  readonly trainRows?: number;
  readonly trainFrauds?: number;
  readonly immatureRows?: number;
  readonly augmentation?: Augmentation | null;
}

export interface Gain {
  readonly without: number | null;
  readonly with: number | null;
  readonly gain: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

export interface Tried {
  readonly generator: string;
  readonly share: number;
  readonly choosing: Gain;
  readonly confirming: Gain;
  readonly quality?: { readonly rejectedShare?: number | null };
}

export interface Augmentation {
  readonly kept: { readonly generator: string; readonly share: number } | null;
  readonly reasons: readonly string[];
  readonly tried: readonly Tried[];
  readonly failed?: readonly { readonly generator: string; readonly reason: string }[];
  readonly confidence?: number;
  readonly syntheticRows?: number;
  readonly later?: { readonly with: number | null; readonly without: number | null } | null;
}

/** Null: the run has none, or none that the page can read. */
export const runReport = ({ report }: TrainingRun): RunReport | null => {
  const given = report as Partial<RunReport> | null;
  const isRead =
    given !== null && typeof given.verdict === 'string' && Array.isArray(given.reasons) && Array.isArray(given.gate?.checks);
  return isRead ? (given as RunReport) : null;
};

/** Words of a verdict; another build may have others. */
const VERDICTS: Readonly<Record<string, string>> = {
  promote: 'promote',
  'await-approval': 'awaits approval',
  shadow: 'shadow only',
  reject: 'reject',
};
export const verdictWords = (verdict: string): string => VERDICTS[verdict] ?? verdict;
