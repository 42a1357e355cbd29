import type { Calibration } from '../domain/calibration.js';
import { CHANNELS, type Channel, type Policy } from '../domain/decision.js';
import { selectRows, type FeatureMatrix } from '../domain/feature-matrix.js';
import { InputError } from '../domain/input-error.js';
import type { Label } from '../domain/label.js';
import { DAY_MS } from '../domain/time.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import type { Transaction } from '../domain/transaction.js';
import { labelDelayMs } from '../features/plan.js';
import { nextCalibration } from '../scoring/calibration.js';
import { decide } from '../scoring/decide.js';
import type { WindowScores } from '../scoring/ports.js';
import { scoreChannels } from '../scoring/score-batch.js';
import type { ScoringModel } from '../scoring/scoring-model.js';
import { knownFrauds, maturedLabels, type Dataset } from './dataset.js';
import type { SideScores } from './gate-figures.js';
import type { GateRows } from './gate-rows.js';
import { rankingChannel } from './judge-backtest.js';

const TIMED_ROWS = 1000;
const TIMED_PASSES = 5;

/** A model on the later slice: what the gate judges, and the calibration that its rehearsal runs under. */
export interface SliceSide extends Omit<SideScores, 'fraudProbabilities'> {
  /** Of all rows of the slice. */
  readonly calibration: Calibration;
  readonly window: WindowScores;
  /** Of scoring every channel; features are the same work for every model of a schema. */
  readonly microsecondsPerRow: number;
}

/**
 * Scores a slice and decides on it, alike for candidate and champion. Ranked as a backtest ranks: by S under lanes, else by F.
 *
 * Decisions are cross-fitted: the earlier half of the days is decided on under the calibration of the later half and the
 * other way round, so that no row helps to set the level it is judged by. A slice of one day has its own.
 *
 * @param dataset features of the model's own feature set; rows from `fromMs` on are the slice
 * @param now clock in milliseconds
 * @throws InputError when the slice is empty
 */
export const scoreSlice = (
  model: ScoringModel,
  dataset: Pick<Dataset, 'features' | 'transactions'>,
  fromMs: number,
  policy: Policy,
  now: () => number,
): SliceSide => {
  const rows = [...dataset.transactions.keys()].filter((row) => dataset.transactions[row]!.occurredAtMs >= fromMs);
  if (rows.length === 0) throw new InputError('the slice to score holds no transactions');
  const times = Float64Array.from(rows, (row) => dataset.transactions[row]!.occurredAtMs);
  const features = selectRows(dataset.features, rows);
  const channels = scoreChannels(model, features);
  const window = { weight: 1, occurredAtMs: times, channels };
  const calibrate = (of: WindowScores): Calibration =>
    nextCalibration({
      previous: null,
      window: of,
      counts: null,
      policy,
      model: model.version,
      day: Math.floor(times.at(-1)! / DAY_MS) + 1,
    });
  const middle = middleOf(times);
  const calibrations =
    middle === 0
      ? [calibrate(window), calibrate(window)]
      : [calibrate(partOf(window, middle, times.length)), calibrate(partOf(window, 0, middle))];
  const decided = rows.map((_, i) => decide(rawAt(channels, i), calibrations[i < middle ? 0 : 1]!, policy));
  const fitted = CHANNELS.filter((channel) => model.detectors[channel]);
  const rankedBy = rankingChannel(fitted, policy.ranking);
  return {
    scores: rankedBy ? channels[rankedBy] : Float64Array.from(decided, ({ fused }) => fused.minusLog10P ?? 0),
    alerted: Uint8Array.from(decided, ({ decision }) => (decision.outcome === 'approve' ? 0 : 1)),
    calibration: calibrate(window),
    window,
    microsecondsPerRow: timePerRow(model, selectRows(features, [...rows.keys()].slice(0, TIMED_ROWS)), now),
  };
};

/** The least of several passes, in microseconds: others on the machine only add to it, and so does what is compiled on the way. */
const timePerRow = (model: ScoringModel, features: FeatureMatrix, now: () => number): number => {
  let least = Infinity;
  for (let pass = 0; pass < TIMED_PASSES; pass += 1) {
    const startedAt = now();
    scoreChannels(model, features);
    least = Math.min(least, now() - startedAt);
  }
  return (1000 * least) / features.rowCount;
};

const rawAt = (channels: Readonly<Record<Channel, Float64Array>>, row: number): Record<Channel, number> => ({
  S: channels.S[row]!,
  T: channels.T[row]!,
  H: channels.H[row]!,
  D: channels.D[row]!,
});

/** Place of the first row of the later half of the days; 0: there is one day. */
const middleOf = (times: Float64Array): number => {
  const days = [...new Set(times.map((ms) => Math.floor(ms / DAY_MS)))];
  const first = days[days.length >> 1]!;
  return times.findIndex((ms) => Math.floor(ms / DAY_MS) === first);
};

const partOf = ({ weight, occurredAtMs, channels }: WindowScores, from: number, to: number): WindowScores => ({
  weight,
  occurredAtMs: occurredAtMs.slice(from, to),
  channels: {
    S: channels.S.slice(from, to),
    T: channels.T.slice(from, to),
    H: channels.H.slice(from, to),
    D: channels.D.slice(from, to),
  },
});

/**
 * The slice's rows as the gate wants them: labels that have matured at `asOfMs`, primary entities by number, days, and
 * segments by the schema's profiled field (its first categorical one by default), where there is one.
 *
 * @param transactions the slice, in event order: those that `scoreSlice` scored
 */
export const gateRowsOf = (
  schema: TransactionSchema,
  transactions: readonly Transaction[],
  labels: readonly Label[],
  asOfMs: number,
): GateRows => {
  const field = schema.features.profileField ?? schema.categorical[0]?.column;
  const place = schema.categorical.findIndex(({ column }) => column === field);
  const segments = numbered(transactions.map((t) => `${field} ${t.categorical[place] ?? 'missing'}`));
  return {
    labels: maturedLabels(transactions, knownFrauds(labels, asOfMs), asOfMs, schema.label ? labelDelayMs(schema) : 0),
    entities: numbered(transactions.map(({ id, entities }) => entities[0] ?? id)).numbers,
    days: Int32Array.from(transactions, (t) => Math.floor(t.occurredAtMs / DAY_MS)),
    ...(place >= 0 && { segments }),
  };
};

const numbered = (texts: readonly string[]): { numbers: Int32Array; names: string[] } => {
  const places = new Map<string, number>();
  const numbers = Int32Array.from(texts, (text) => {
    const place = places.get(text) ?? places.size;
    places.set(text, place);
    return place;
  });
  return { numbers, names: [...places.keys()] };
};
