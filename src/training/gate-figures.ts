import type { Figures } from './paired-bootstrap.js';

/** Rows of one segment or part of the days that are judged together; `rows` are all matured. */
export interface RowGroup {
  readonly name: string;
  readonly rows: readonly number[];
}

/** The slice as figures need it. */
export interface JudgedRows {
  /** 1 fraud, 0 legitimate, -1 not matured. */
  readonly labels: Int8Array;
  /** Numbers of the primary entities, 0 to clusters - 1. */
  readonly clusters: Int32Array;
  readonly clusterCount: number;
  readonly days: Int32Array;
  /** Rows whose label has matured. */
  readonly matured: readonly number[];
  readonly segments: readonly RowGroup[];
  readonly dayParts: readonly RowGroup[];
  /** Cards a day that the budget pays for. */
  readonly cardsPerDay: number;
}

/** What one model says of the same rows. */
export interface SideScores {
  readonly scores: Float64Array;
  /** 1: not approved. */
  readonly alerted: Uint8Array;
  readonly fraudProbabilities: Float64Array | null;
}

const GROUPS = 10;

/** Rows from the highest score down; equal scores are judged together. */
interface Ranking {
  readonly clusters: Int32Array;
  readonly isFraud: Uint8Array;
  readonly endsTie: Uint8Array;
}

const rank = (rows: readonly number[], { labels, clusters }: JudgedRows, scores: Float64Array): Ranking => {
  const order = [...rows].sort((a, b) => scores[b]! - scores[a]!);
  return {
    clusters: Int32Array.from(order, (row) => clusters[row]!),
    isFraud: Uint8Array.from(order, (row) => (labels[row] === 1 ? 1 : 0)),
    endsTie: Uint8Array.from(order, (row, i) => (i + 1 === order.length || scores[order[i + 1]!] !== scores[row] ? 1 : 0)),
  };
};

/** Average precision as `domain/ranking.ts` has it, and its ratio to the share of frauds; NaN without frauds. */
const precisionOf = ({ clusters, isFraud, endsTie }: Ranking, weights: Int32Array): [average: number, lift: number] => {
  let frauds = 0;
  let rows = 0;
  let fraudsBefore = 0;
  let sum = 0;
  for (let i = 0; i < clusters.length; i += 1) {
    const weight = weights[clusters[i]!]!;
    rows += weight;
    if (isFraud[i] === 1) frauds += weight;
    if (endsTie[i] === 1 && frauds > fraudsBefore) {
      sum += (frauds - fraudsBefore) * (frauds / rows);
      fraudsBefore = frauds;
    }
  }
  const average = frauds === 0 ? NaN : sum / frauds;
  return [average, average / (frauds / rows)];
};

/** Cards of one day, best first. */
interface CardDay {
  readonly clusters: Int32Array;
  readonly isFraud: Uint8Array;
}

const cardDays = ({ labels, clusters, days, matured }: JudgedRows, scoreOf: (row: number) => number): CardDay[] => {
  const byDay = new Map<number, Map<number, { best: number; isFraud: boolean }>>();
  for (const row of matured) {
    const day = byDay.get(days[row]!) ?? new Map<number, { best: number; isFraud: boolean }>();
    byDay.set(days[row]!, day);
    const card = day.get(clusters[row]!);
    const isFraud = labels[row] === 1;
    if (!card) day.set(clusters[row]!, { best: scoreOf(row), isFraud });
    else {
      card.best = Math.max(card.best, scoreOf(row));
      card.isFraud ||= isFraud;
    }
  }
  return [...byDay]
    .sort(([a], [b]) => a - b)
    .map(([, cards]) => {
      const sorted = [...cards].sort(([, a], [, b]) => b.best - a.best);
      return {
        clusters: Int32Array.from(sorted, ([cluster]) => cluster),
        isFraud: Uint8Array.from(sorted, ([, card]) => (card.isFraud ? 1 : 0)),
      };
    });
};

/** `cardPrecisionAtK` (Fraud Detection Handbook) of resampled cards: a card that was drawn twice is two cards. */
const cardPrecision = (days: readonly CardDay[], weights: Int32Array, k: number): number => {
  const uncaught = weights.slice();
  let hits = 0;
  for (const { clusters, isFraud } of days) {
    let room = k;
    for (let i = 0; i < clusters.length && room > 0; i += 1) {
      const copies = uncaught[clusters[i]!]!;
      const taken = copies < room ? copies : room;
      room -= taken;
      if (isFraud[i] === 0) continue;
      hits += taken;
      uncaught[clusters[i]!]! -= taken;
    }
  }
  return hits / (k * days.length);
};

/** Σ weight x part / Σ weight x whole, from sums by cluster. */
const weightedShare = (
  rows: readonly number[],
  { clusters, clusterCount }: JudgedRows,
  counts: (row: number) => boolean,
): ((weights: Int32Array) => number) => {
  const part = new Float64Array(clusterCount);
  const whole = new Float64Array(clusterCount);
  for (const row of rows) {
    whole[clusters[row]!]! += 1;
    if (counts(row)) part[clusters[row]!]! += 1;
  }
  return (weights) => {
    let parts = 0;
    let wholes = 0;
    for (let c = 0; c < clusterCount; c += 1) {
      parts += weights[c]! * part[c]!;
      wholes += weights[c]! * whole[c]!;
    }
    return parts / wholes;
  };
};

/** Expected calibration error in shares of the rate of fraud: ten groups of equal size by probability, fixed for all resamples. */
const calibrationErrorOf = (judged: JudgedRows, probabilities: Float64Array): ((weights: Int32Array) => number) => {
  const order = [...judged.matured].sort((a, b) => probabilities[a]! - probabilities[b]!);
  const n = order.length;
  const clusters = Int32Array.from(order, (row) => judged.clusters[row]!);
  const isFraud = Uint8Array.from(order, (row) => (judged.labels[row] === 1 ? 1 : 0));
  const excess = Float64Array.from(order, (row, i) => probabilities[row]! - isFraud[i]!);
  return (weights) => {
    let error = 0;
    let frauds = 0;
    for (let g = 0; g < GROUPS; g += 1) {
      let sum = 0;
      for (let i = Math.floor((g * n) / GROUPS); i < Math.floor(((g + 1) * n) / GROUPS); i += 1) {
        const weight = weights[clusters[i]!]!;
        sum += weight * excess[i]!;
        frauds += weight * isFraud[i]!;
      }
      error += Math.abs(sum);
    }
    return error / frauds;
  };
};

/** Figures of alerts alone, which need no labels but the false alarms'. */
export const alertFigures = (side: string, judged: JudgedRows, { alerted }: SideScores): readonly Figures[] => {
  const isAlert = (row: number): boolean => alerted[row] === 1;
  const all = weightedShare([...alerted.keys()], judged, isAlert);
  const legitimate = judged.matured.filter((row) => judged.labels[row] === 0);
  const falseAlarms = weightedShare(legitimate, judged, isAlert);
  return [{ keys: [`${side}/alerts`, `${side}/falseAlarms`], of: (weights) => [all(weights), falseAlarms(weights)] }];
};

/** Figures that need matured frauds and legitimate rows. */
export const labelFigures = (side: string, judged: JudgedRows, given: SideScores): readonly Figures[] => {
  const { scores, alerted, fraudProbabilities } = given;
  const whole = rank(judged.matured, judged, scores);
  const days = cardDays(judged, (row) => scores[row]!);
  const best = cardDays(judged, (row) => judged.labels[row]!);
  const k = judged.cardsPerDay;
  const ofGroup = (kind: string, { name, rows }: RowGroup): Figures => {
    const ranking = rank(rows, judged, scores);
    const frauds = rows.filter((row) => judged.labels[row] === 1);
    const caught = weightedShare(frauds, judged, (row) => alerted[row] === 1);
    return {
      keys: [`${side}/${kind}/${name}/averagePrecision`, `${side}/${kind}/${name}/caught`],
      of: (weights) => [precisionOf(ranking, weights)[0], caught(weights)],
    };
  };
  const calibrationError = fraudProbabilities && calibrationErrorOf(judged, fraudProbabilities);
  return [
    { keys: [`${side}/averagePrecision`, `${side}/lift`], of: (weights) => precisionOf(whole, weights) },
    {
      keys: [`${side}/cardPrecision`, `${side}/cardPrecisionOfBest`],
      of: (weights) => {
        const precision = cardPrecision(days, weights, k);
        // Which of a day's tied frauds a perfect ranking catches first is chance: another order may catch one more.
        return [precision, Math.min(1, precision / cardPrecision(best, weights, k))];
      },
    },
    ...(calibrationError ? [{ keys: [`${side}/calibrationError`], of: (w: Int32Array) => [calibrationError(w)] }] : []),
    ...judged.segments.map((group) => ofGroup('segment', group)),
    ...judged.dayParts.map((group) => ofGroup('days', group)),
  ];
};
