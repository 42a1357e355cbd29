import { loadSchema } from '../../src/config.js';
import type { Calibration } from '../../src/domain/calibration.js';
import type { Policy } from '../../src/domain/decision.js';
import type { Label } from '../../src/domain/label.js';
import { transactionParser } from '../../src/domain/parse-transaction.js';
import type { ScoredTransaction } from '../../src/domain/scored-transaction.js';
import type { Transaction } from '../../src/domain/transaction.js';
import type { TransactionSchema } from '../../src/domain/transaction-schema.js';
import { calibrateSoFar } from '../../src/scoring/calibrate-so-far.js';
import { createWorld } from '../../src/synthetic/world.js';
import { priorModel } from '../../src/training/prior-model.js';
import { replaySlice, type LineMemory } from '../../src/training/replay-slice.js';
import { ScoreLog } from '../../src/training/score-log.js';

export const COLD_START_MS = Date.UTC(2026, 0, 5);
const DAY_MS = 86_400_000;

export const NO_MEMORY: LineMemory = { states: [], evidence: [], fraudCells: new Map(), labelsUntilMs: 0 };

export interface ColdWorld {
  readonly schema: TransactionSchema;
  readonly transactions: readonly Transaction[];
  readonly labels: readonly Label[];
}

/** The first days of a demo world, of which the service has no history. @param startHour of the first day */
export const coldWorld = (given: { seed: number; customers: number; days: number }): ColdWorld => {
  const schema = loadSchema('demo');
  const parser = transactionParser(schema);
  const { seed, customers } = given;
  const world = createWorld({ seed, customers, merchants: 400, startMs: COLD_START_MS });
  const transactions: Transaction[] = [];
  const labels: Label[] = [];
  for (let day = 0; day < given.days; day += 1) {
    const { transactions: records, truth } = world.day(day);
    for (const record of records) {
      const parsed = parser.fromObject(record);
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
      transactions.push(parsed.transaction);
    }
    for (const { transactionId, isFraud, type, knownAtMs } of truth)
      labels.push({ transactionId, isFraud, type, source: 'world', knownAtMs });
  }
  return { schema, transactions, labels };
};

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
  { schema, transactions, labels }: ColdWorld,
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
    labels: labels.filter(({ isFraud }) => isFraud),
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
