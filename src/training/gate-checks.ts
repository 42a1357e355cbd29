import type { JudgedRows, RowGroup, SideScores } from './gate-figures.js';
import type { GateSettings } from './gate-settings.js';
import { differenceOf, intervalOf, type Interval, type Resampled } from './paired-bootstrap.js';
import { wilsonShare } from './wilson.js';

/** `not-judged` holds nothing against the candidate: another check says so where it should. */
export type CheckOutcome = 'pass' | 'shadow' | 'reject' | 'not-judged';

export interface GateCheck {
  readonly name: string;
  readonly outcome: CheckOutcome;
  /** What was found and what was asked for, for a person. */
  readonly sentence: string;
  readonly candidate: Interval | null;
  readonly champion: Interval | null;
  /** Candidate less champion, paired. */
  readonly difference: Interval | null;
}

/** What checks are made from. */
export interface Findings {
  readonly resampled: Resampled;
  readonly judged: JudgedRows;
  readonly settings: GateSettings;
  readonly budget: number;
  readonly hasChampion: boolean;
}

const NOTHING = { candidate: null, champion: null, difference: null };

export const notJudged = (name: string, why: string): GateCheck => ({
  name,
  outcome: 'not-judged',
  sentence: `${name}: not judged, ${why}`,
  ...NOTHING,
});

export const plainCheck = (name: string, outcome: CheckOutcome, sentence: string): GateCheck => ({
  name,
  outcome,
  sentence: `${name}: ${sentence}`,
  ...NOTHING,
});

const figure = (value: number): string => value.toFixed(3);
export const told = ({ value, low, high }: Interval): string => `${figure(value)} (${figure(low)} to ${figure(high)})`;
const signed = ({ value, low, high }: Interval): string => {
  const plus = (x: number): string => `${x > 0 ? '+' : ''}${figure(x)}`;
  return `${plus(value)} (${plus(low)} to ${plus(high)})`;
};

const figureOf = ({ resampled, settings }: Findings, key: string, kind?: 'basic'): Interval =>
  intervalOf(resampled.value(key), resampled.draws(key), settings.confidence, kind);

/** Beats a random ranking, whose average precision is the share of frauds. */
export const liftCheck = (findings: Findings): GateCheck => {
  const { liftMin } = findings.settings.averagePrecision;
  const lift = figureOf(findings, 'candidate/lift');
  const isBelow = !(lift.value >= liftMin);
  const outcome = isBelow ? 'reject' : lift.low < 1 ? 'shadow' : 'pass';
  const asked = isBelow
    ? `at least ${liftMin} times is asked for`
    : `${outcome === 'pass' ? '' : 'chance is not ruled out; '}${liftMin} times is asked for`;
  return {
    ...NOTHING,
    name: 'average precision',
    outcome,
    candidate: figureOf(findings, 'candidate/averagePrecision'),
    sentence: `average precision: ${told(figureOf(findings, 'candidate/averagePrecision'))}, ${told(lift)} times that of a random ranking; ${asked}`,
  };
};

/** Comparisons with the champion that reject: average precision, card precision, segments, days, rehearsal. */
const COMPARISONS = 5;

/** @param figures that one comparison looks at */
export const sureConfidence = ({ confidence }: GateSettings, figures = 1): number =>
  1 - (1 - confidence) / (COMPARISONS * figures);

/** A figure against the champion's: a sure loss rejects, a possible one lets it run in shadow only. */
export const lossCheck = (
  findings: Findings,
  name: string,
  key: string,
  limits: { readonly lossSureMax: number; readonly lossPossibleMax: number },
): GateCheck => {
  if (!findings.hasChampion) return notJudged(name, 'there is no champion');
  const [candidate, champion] = [figureOf(findings, `candidate/${key}`), figureOf(findings, `champion/${key}`)];
  const difference = differenceOf(findings.resampled, `candidate/${key}`, `champion/${key}`, findings.settings.confidence);
  const { lossSureMax, lossPossibleMax } = limits;
  const wide = differenceOf(findings.resampled, `candidate/${key}`, `champion/${key}`, sureConfidence(findings.settings));
  const isSure = wide.high < -lossSureMax;
  const isExcluded = difference.low >= -lossPossibleMax;
  const verdict = isSure
    ? `a loss of more than ${lossSureMax} is sure`
    : isExcluded
      ? `a loss of more than ${lossPossibleMax} is ruled out`
      : `a loss of more than ${lossPossibleMax} is not ruled out`;
  return {
    name,
    outcome: isSure ? 'reject' : isExcluded ? 'pass' : 'shadow',
    sentence: `${name}: ${told(candidate)}, the champion's ${told(champion)}, difference ${signed(difference)}; ${verdict}`,
    candidate,
    champion,
    difference,
  };
};

/** Figures of several groups at once, which divide the confidence further: many groups reject no more often. */
export const worstLossCheck = (
  findings: Findings,
  name: string,
  kind: 'segment' | 'days',
  figures: Readonly<Record<string, string>>,
  lossSureMax: number,
): GateCheck => {
  const groups: readonly RowGroup[] = kind === 'segment' ? findings.judged.segments : findings.judged.dayParts;
  if (!findings.hasChampion) return notJudged(name, 'there is no champion');
  if (groups.length === 0)
    return notJudged(name, `no group apart from the whole has matured frauds of ${findings.settings.fraudEntitiesMin} entities`);
  const pairs = groups.flatMap((group) => Object.entries(figures).map(([key, words]) => ({ group, key, words })));
  const divided = sureConfidence(findings.settings, pairs.length);
  const losses = pairs.map(({ group, key, words }) => {
    const path = `${kind}/${group.name}/${key}`;
    const difference = differenceOf(findings.resampled, `candidate/${path}`, `champion/${path}`, divided);
    return { group, words, path, difference, isSure: difference.high < -lossSureMax };
  });
  const sure = losses.filter(({ isSure }) => isSure);
  const [worst] = [...(sure.length > 0 ? sure : losses)].sort((a, b) => a.difference.value - b.difference.value);
  const { group, words, path, difference } = worst!;
  const verdict = sure.length > 0 ? `a loss of more than ${lossSureMax} is sure` : `no loss of more than ${lossSureMax} is sure`;
  return {
    name,
    outcome: sure.length > 0 ? 'reject' : 'pass',
    sentence: `${name}: the worst of ${groups.length} is ${group.name}, ${words} ${signed(difference)} against the champion; ${verdict}`,
    candidate: figureOf(findings, `candidate/${path}`),
    champion: figureOf(findings, `champion/${path}`),
    difference,
  };
};

/** Of the fraud probability, in shares of the rate of fraud. */
export const calibrationCheck = (findings: Findings, candidate: SideScores, champion: SideScores | null): GateCheck => {
  const name = 'calibration error';
  const { errorMax, worseMax } = findings.settings.calibration;
  const { confidence } = findings.settings;
  if (!candidate.fraudProbabilities)
    return champion?.fraudProbabilities
      ? plainCheck(name, 'shadow', 'the candidate states no fraud probability, the champion does')
      : notJudged(name, 'the model states no fraud probability');
  const errorOf = (side: string): Interval => {
    const error = figureOf(findings, `${side}/calibrationError`, 'basic');
    // An error is never negative; mirrored percentiles may be.
    return { ...error, low: Math.max(0, error.low) };
  };
  const own = errorOf('candidate');
  const compared = champion?.fraudProbabilities !== undefined && champion.fraudProbabilities !== null;
  const other = compared ? errorOf('champion') : null;
  const difference = compared
    ? differenceOf(findings.resampled, 'candidate/calibrationError', 'champion/calibrationError', confidence)
    : null;
  const outcome = own.low > errorMax ? 'reject' : difference && difference.low > worseMax ? 'shadow' : 'pass';
  const against = other && difference ? `, the champion's ${told(other)}, difference ${signed(difference)}` : '';
  const limit = outcome === 'shadow' ? `at most ${worseMax} more than the champion's` : `at most ${errorMax}`;
  return {
    name,
    outcome,
    sentence: `${name}: ${told(own)} of the rate of fraud${against}; ${limit} is asked for`,
    candidate: own,
    champion: other,
    difference,
  };
};

export const volumeCheck = (findings: Findings): GateCheck => {
  const { volumeMax, volumeUsualMax, volumeUsualMin } = findings.settings.alerts;
  const alerts = figureOf(findings, 'candidate/alerts');
  const { low, high } = inBudgets(alerts, findings.budget);
  const outcome = low > volumeMax ? 'reject' : low > volumeUsualMax || high < volumeUsualMin ? 'shadow' : 'pass';
  return {
    ...NOTHING,
    name: 'alert volume',
    outcome,
    candidate: alerts,
    champion: findings.hasChampion ? figureOf(findings, 'champion/alerts') : null,
    sentence: `alert volume: ${toldBudgets(alerts, findings.budget)} of the budget of ${findings.budget}; ${volumeUsualMin} to ${volumeUsualMax} is usual, more than ${volumeMax} is refused`,
  };
};

export const falseAlarmCheck = (findings: Findings): GateCheck => {
  const { falseAlarmsMax } = findings.settings.alerts;
  const alarms = figureOf(findings, 'candidate/falseAlarms');
  return {
    ...NOTHING,
    name: 'false alarms',
    outcome: inBudgets(alarms, findings.budget).low > falseAlarmsMax ? 'reject' : 'pass',
    candidate: alarms,
    champion: findings.hasChampion ? figureOf(findings, 'champion/falseAlarms') : null,
    sentence: `false alarms: ${toldBudgets(alarms, findings.budget)} of the budget on matured legitimate rows; at most ${falseAlarmsMax} is asked for`,
  };
};

/** The day with the most alerts for its rows; days are taken as independent, the confidence is divided among them. */
export const dayVolumeCheck = ({ judged, settings, budget }: Findings, { alerted }: SideScores): GateCheck => {
  const days = new Map<number, { alerts: number; rows: number }>();
  judged.days.forEach((day, row) => {
    const count = days.get(day) ?? { alerts: 0, rows: 0 };
    count.rows += 1;
    count.alerts += alerted[row]!;
    days.set(day, count);
  });
  const confidence = 1 - (1 - settings.confidence) / days.size;
  const shares = [...days.values()].map(({ alerts, rows }) => wilsonShare(alerts, rows, confidence));
  const [worst] = shares.sort((a, b) => b.low - a.low);
  const value = { value: worst!.share, low: worst!.low, high: worst!.high };
  const { dayVolumeMax } = settings.alerts;
  return {
    ...NOTHING,
    name: 'alerts of a day',
    outcome: worst!.low > dayVolumeMax * budget ? 'shadow' : 'pass',
    candidate: value,
    sentence: `alerts of a day: ${toldBudgets(value, budget)} of the budget on the worst of ${days.size} days; at most ${dayVolumeMax} is asked for`,
  };
};

const inBudgets = ({ value, low, high }: Interval, budget: number): Interval => ({
  value: value / budget,
  low: low / budget,
  high: high / budget,
});
const toldBudgets = (interval: Interval, budget: number): string => told(inBudgets(interval, budget));
