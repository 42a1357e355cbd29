import type { Calibration } from '../../src/domain/calibration.js';
import type { Policy } from '../../src/domain/decision.js';
import type { ScoredTransaction } from '../../src/domain/scored-transaction.js';
import { DAY_MS } from '../../src/domain/time.js';
import { calibrateSoFar } from '../../src/scoring/calibrate-so-far.js';
import { priorModel } from '../../src/training/prior-model.js';
import { replaySlice, type LineMemory } from '../../src/training/replay-slice.js';
import { ScoreLog } from '../../src/training/score-log.js';
import { demoHistory, type DemoHistory } from './demo-history.js';

export const COLD_START_MS = Date.UTC(2026, 0, 5);

export const NO_MEMORY: LineMemory = { states: [], evidence: [], fraudCells: new Map(), labelsUntilMs: 0 };

/** The first days of a demo world, of which the service has no history. */
export const coldWorld = (given: { seed: number; customers: number; days: number }): DemoHistory =>
  demoHistory({ ...given, merchants: 400, startMs: COLD_START_MS });

export interface ColdDay {
  readonly rows: number;
  readonly alerts: number;
  /** Rows before the first calibration, which nothing decides on. */
  readonly undecided: number;
}

export interface ColdReplay {
  readonly days: readonly ColdDay[];
  readonly rows: readonly ScoredTransaction[];
  readonly calibrations: readonly Calibration[];
}

/** The first days as a service has them: scored by the prior model, calibrated from the rows so far, looked at between batches. */
export const replayCold = async (
  { schema, transactions, labels }: DemoHistory,
  policy: Policy,
  batchRows = 50,
): Promise<ColdReplay> => {
  const model = priorModel(schema)!;
  const log = new ScoreLog();
  const calibrations: Calibration[] = [];
  const rows: ScoredTransaction[] = [];
  let calibration: Calibration | null = null;
  await replaySlice({
    model,
    memory: NO_MEMORY,
    transactions,
    labels,
    terms: { calibration, policy },
    batchRows,
    termsAt: async (eventMs) => {
      const next: Calibration | null = await calibrateSoFar(log, model.version, calibration, policy, eventMs);
      if (next && next.id !== calibration?.id) calibrations.push((calibration = next));
      return { calibration, policy };
    },
    onRows: (scored) => {
      for (const row of scored) {
        log.add(row);
        rows.push(row);
      }
    },
  });
  return { days: daysOf(rows), rows, calibrations };
};

const daysOf = (rows: readonly ScoredTransaction[]): ColdDay[] => {
  const firstDay = Math.floor(rows[0]!.transaction.occurredAtMs / DAY_MS);
  const days: { rows: number; alerts: number; undecided: number }[] = [];
  for (const { transaction, decision, versions } of rows) {
    const day = (days[Math.floor(transaction.occurredAtMs / DAY_MS) - firstDay] ??= { rows: 0, alerts: 0, undecided: 0 });
    day.rows += 1;
    if (decision.outcome !== 'approve') day.alerts += 1;
    if (versions.calibration === 'none') day.undecided += 1;
  }
  return days;
};
