import type { Config } from '../../src/config.js';
import { CHANNELS, type Channel, type Policy } from '../../src/domain/decision.js';
import { featureMatrix, selectRows } from '../../src/domain/feature-matrix.js';
import { createRandom } from '../../src/domain/random.js';
import type { Calibration } from '../../src/domain/calibration.js';
import { nextCalibration } from '../../src/scoring/calibration.js';
import { decide } from '../../src/scoring/decide.js';
import { scoreChannels } from '../../src/scoring/score-batch.js';
import type { ScoringModel } from '../../src/scoring/scoring-model.js';
import { createTensorBackend } from '../../src/tensor-backend.js';
import { averagePrecision, cardPrecisionAtK } from '../../src/training/evaluate.js';
import { fitChannels } from '../../src/training/fit-channels.js';
import { defaultEstimators, entityNumbers } from '../../src/training/retrain.js';
import { DAY_MS } from '../../src/domain/time.js';
import type { PreparedStream } from './prepared-stream.js';

type Scores = Readonly<Record<Channel, Float64Array>>;
/** Scores of every channel on rows by their places in the stream; a peer has S alone. */
export type WeekModel = (rows: readonly number[]) => Scores;

export interface WeekFigures {
  readonly auprc: number;
  readonly cardPrecision: number;
  readonly alertRate: number;
}

/** The default channels, fitted on the week's training range as of its test's start. */
export const fitWeek = async (stream: PreparedStream, week: number, config: Config, seed: number): Promise<WeekModel> => {
  const { featureSet, features, transactions } = stream;
  const { train, trainLabels } = stream.weekRows(week);
  const supervised = selectRows(features, train);
  const detectors = await fitChannels(
    featureSet,
    {
      supervised,
      supervisedLabels: trainLabels,
      supervisedEntities: entityNumbers(train.map((r) => transactions[r]!)),
      normal: selectRows(
        features,
        train.filter((_, i) => trainLabels[i] === 0),
      ),
    },
    { estimators: defaultEstimators(featureSet.schema), parameters: config.models },
    { random: createRandom(seed), backend: await createTensorBackend(config.tensorBackend, () => undefined) },
  );
  const empty = featureMatrix(features.columns, new Float32Array(0));
  const model: ScoringModel = {
    version: `week-${week}`,
    featureSet,
    detectors,
    platt: null,
    usualScales: {} as ScoringModel['usualScales'],
    knownFraud: null,
    background: empty,
  };
  return (rows) => scoreChannels(model, selectRows(features, rows));
};

/** Ranking by S on the judged rows; alerts of all rows under daily calibrations of the seven days before. */
export const judgeWeek = (stream: PreparedStream, week: number, model: WeekModel, policy: Policy): WeekFigures => {
  const { transactions, truth } = stream;
  const { judged, test } = stream.weekRows(week);
  const { S } = model(judged);
  const isFraud = (r: number): boolean => truth.has(transactions[r]!.id);
  const alerts = alertsOf(stream, week, model, policy);
  return {
    auprc: averagePrecision(
      judged.map((r) => (isFraud(r) ? 1 : 0)),
      S,
    ),
    cardPrecision: cardPrecisionAtK(
      judged.map((r, i) => ({
        day: Math.floor(transactions[r]!.occurredAtMs / DAY_MS),
        card: transactions[r]!.entities[0]!,
        isFraud: isFraud(r),
        score: S[i]!,
      })),
      100,
    ),
    alertRate: alerts.size / test.length,
  };
};

/** Places of the test's rows that raise an alert. */
const alertsOf = (stream: PreparedStream, week: number, model: WeekModel, policy: Policy): ReadonlySet<number> => {
  const { transactions } = stream;
  const { before, test } = stream.weekRows(week);
  const rows = [...before, ...test];
  const scores = model(rows);
  const dayOf = rows.map((r) => Math.floor(transactions[r]!.occurredAtMs / DAY_MS));
  const alerts = new Set<number>();
  let previous: Calibration | null = null;
  let counts: { rows: number; alerts: number } | null = null;
  for (let day = dayOf[before.length]!; day <= dayOf.at(-1)!; day += 1) {
    const window = [...rows.keys()].filter((i) => dayOf[i]! >= day - policy.windowDays && dayOf[i]! < day);
    const channels = Object.fromEntries(
      CHANNELS.map((channel) => [channel, Float64Array.from(window, (i) => scores[channel][i]!)]),
    ) as Record<Channel, Float64Array>;
    const occurredAtMs = Float64Array.from(window, (i) => transactions[rows[i]!]!.occurredAtMs);
    const calibration = nextCalibration({
      previous,
      window: { weight: 1, occurredAtMs, channels },
      counts,
      policy,
      model: 'bench',
      day,
    });
    const today = [...rows.keys()].filter((i) => dayOf[i] === day);
    const raised = today.filter((i) => {
      const of = { S: scores.S[i]!, T: scores.T[i]!, H: scores.H[i]!, D: scores.D[i]! };
      return decide(of, calibration, policy).decision.outcome !== 'approve';
    });
    for (const i of raised) alerts.add(rows[i]!);
    previous = calibration;
    counts = { rows: today.length, alerts: raised.length };
  }
  return alerts;
};

/** Days from its onset until three days in a row together have half of the type's frauds alerted on; null: never. */
export const daysUntilHalf = (
  stream: PreparedStream,
  models: readonly { readonly week: number; readonly model: WeekModel }[],
  type: string,
  policy: Policy,
): number | null => {
  const days: { frauds: number; caught: number }[] = [];
  for (const { week, model } of models) {
    const alerts = alertsOf(stream, week, model, policy);
    const byDay = new Map<number, { frauds: number; caught: number }>();
    for (const r of stream.weekRows(week).test) {
      const { id, occurredAtMs } = stream.transactions[r]!;
      const day = Math.floor(occurredAtMs / DAY_MS);
      const count = byDay.get(day) ?? { frauds: 0, caught: 0 };
      byDay.set(day, count);
      if (stream.truth.get(id)?.type !== type) continue;
      count.frauds += 1;
      if (alerts.has(r)) count.caught += 1;
    }
    days.push(...[...byDay].sort(([a], [b]) => a - b).map(([, count]) => count));
  }
  const at = days.findIndex((_, i) => {
    const last = days.slice(Math.max(0, i - 2), i + 1);
    const frauds = last.reduce((sum, day) => sum + day.frauds, 0);
    return i >= 2 && frauds > 0 && last.reduce((sum, day) => sum + day.caught, 0) >= frauds / 2;
  });
  return at < 0 ? null : at + 1;
};
