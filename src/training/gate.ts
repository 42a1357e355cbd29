import { createRandom } from '../domain/random.js';
import type { TrainingHooks } from './fit-channels.js';
import {
  calibrationCheck,
  dayVolumeCheck,
  falseAlarmCheck,
  liftCheck,
  lossCheck,
  notJudged,
  plainCheck,
  volumeCheck,
  worstLossCheck,
  type Findings,
  type GateCheck,
} from './gate-checks.js';
import { alertFigures, labelFigures, type JudgedRows, type SideScores } from './gate-figures.js';
import { rehearsalChecks } from './gate-rehearsal.js';
import { checkSide, fraudEntities, judgedRows, type GateRows } from './gate-rows.js';
import type { GateSettings } from './gate-settings.js';
import { bootstrapClusters } from './paired-bootstrap.js';
import type { RehearsalReport } from './rehearse.js';

export type { GateCheck } from './gate-checks.js';
export type { GateRows } from './gate-rows.js';

/** One model on the slice: what it says of every row, how it was rehearsed, and what it costs. */
export interface GateSide extends SideScores {
  readonly version: string;
  readonly rehearsal: RehearsalReport | null;
  /** Of scoring every channel; features are the same work for both. */
  readonly microsecondsPerRow: number;
  readonly artifactBytes: number;
}

export interface GateInput {
  readonly rows: GateRows;
  readonly candidate: GateSide;
  /** Null: nothing decides yet, and absolute floors alone are asked for. */
  readonly champion: GateSide | null;
  /** The champion has learned from no row: where labels cannot judge yet, a rehearsal that can is enough. */
  readonly isFirst?: boolean;
  /**
   * False: neither S nor H decides yet. A candidate that ranks real frauds surely better is then not held to the power that such
   * a champion has in single scenarios: it has shared the budget among fewer lanes. Default true.
   */
  readonly championKnowsLabels?: boolean;
  /** Share of traffic that the policy may alert on. */
  readonly budget: number;
  readonly settings: GateSettings;
}

export type GateVerdict = 'promote' | 'await-approval' | 'shadow' | 'reject';

export interface GateReport {
  readonly verdict: GateVerdict;
  /** Sentences: why not promoted, or that nothing speaks against it. */
  readonly reasons: readonly string[];
  readonly checks: readonly GateCheck[];
  readonly candidate: string;
  readonly champion: string | null;
  readonly rows: number;
  readonly entities: number;
  readonly maturedRows: number;
  readonly maturedFrauds: number;
  /** Share of the rows whose label delay has not passed: no figure that needs labels has them. */
  readonly immatureShare: number;
  readonly budget: number;
  /** Cards a day of card precision: the budget's share of the matured rows of a mean day. */
  readonly cardsPerDay: number;
  /** Of the candidate's alerts on matured rows: what it is held against when it decides; null without alerts or frauds. */
  readonly alertPerformance: { readonly precision: number; readonly recall: number } | null;
  readonly settings: GateSettings;
}

/**
 * Judges a candidate on a later slice that neither model was fitted on, against the champion on the same rows.
 *
 * A passed candidate is not worse than the champion within stated limits; it need not be better, because it is newer. The
 * same input gives the same report. Costs `resamples` passes over the rows for each of at most two models: 2,000 take about
 * a second for 10,000 rows.
 *
 * @throws InputError when the slice is empty or the sides do not belong to it; rejects with the signal's reason when aborted
 */
export const judgeCandidate = async (input: GateInput, context: TrainingHooks = {}): Promise<GateReport> => {
  const { rows, candidate, champion, budget, settings } = input;
  const judged = judgedRows(rows, budget, settings);
  checkSide(`candidate ${candidate.version}`, candidate, judged.labels.length);
  if (champion) checkSide(`champion ${champion.version}`, champion, judged.labels.length);
  const frauds = judged.matured.filter((row) => judged.labels[row] === 1).length;
  const canWait = input.isFirst === true && (candidate.rehearsal?.outcomes.length ?? 0) > 0;
  const matured = maturedCheck(judged, frauds, settings, canWait);
  const findings = await resampleFigures(input, judged, matured.outcome === 'pass', context);
  const checks = outweighed(input, [
    matured,
    ...(matured.outcome === 'pass' ? labelChecks(findings, input) : [notJudged('ranking and calibration', 'see matured frauds')]),
    volumeCheck(findings),
    dayVolumeCheck(findings, candidate),
    ...costChecks(input),
    ...(await rehearsalChecks(
      candidate.rehearsal,
      champion?.rehearsal ?? null,
      settings,
      createRandom(settings.seed).fork('gate/rehearsal'),
    )),
  ]);
  const verdict = verdictOf(checks, settings);
  return {
    verdict,
    reasons: reasonsOf(checks, verdict, champion),
    checks,
    candidate: candidate.version,
    champion: champion?.version ?? null,
    rows: judged.labels.length,
    entities: judged.clusterCount,
    maturedRows: judged.matured.length,
    maturedFrauds: frauds,
    immatureShare: 1 - judged.matured.length / judged.labels.length,
    budget,
    cardsPerDay: judged.cardsPerDay,
    alertPerformance: alertPerformance(judged, candidate),
    settings,
  };
};

const alertPerformance = ({ matured, labels }: JudgedRows, { alerted }: SideScores): GateReport['alertPerformance'] => {
  const frauds = matured.filter((row) => labels[row] === 1);
  const alerts = matured.filter((row) => alerted[row] === 1).length;
  const caught = frauds.filter((row) => alerted[row] === 1).length;
  return alerts > 0 && frauds.length > 0 ? { precision: caught / alerts, recall: caught / frauds.length } : null;
};

const MATURED = 'matured frauds';
const RANKS_BETTER = 'average precision against the champion';
const REHEARSED_WORSE = 'rehearsal against the champion';

/** Real frauds outweigh injected ones where the champion has never learned from a label. */
const outweighed = ({ championKnowsLabels = true }: GateInput, checks: readonly GateCheck[]): readonly GateCheck[] => {
  const isBetter = checks.some(({ name, difference }) => name === RANKS_BETTER && difference !== null && difference.low > 0);
  if (championKnowsLabels || !isBetter) return checks;
  return checks.map((check) =>
    check.name === REHEARSED_WORSE && check.outcome !== 'pass'
      ? {
          ...check,
          outcome: 'not-judged',
          sentence: `${check.sentence}; outweighed: it surely ranks real frauds better than a champion without labels`,
        }
      : check,
  );
};

const maturedCheck = (
  { matured, labels, clusters }: JudgedRows,
  frauds: number,
  { maturedFraudsMin, fraudEntitiesMin }: GateSettings,
  canWait: boolean,
): GateCheck => {
  const name = MATURED;
  const entities = fraudEntities(matured, labels, clusters);
  const found = `${frauds} frauds of ${entities} entities among ${matured.length} rows whose label has matured`;
  const isEnough = frauds >= maturedFraudsMin && entities >= fraudEntitiesMin;
  if (isEnough && frauds < matured.length) return plainCheck(name, 'pass', found);
  const why =
    frauds === matured.length && frauds > 0
      ? 'none of them is legitimate'
      : `${maturedFraudsMin} of ${fraudEntitiesMin} entities are asked for`;
  if (canWait) return notJudged(name, `${found}, ${why}; the champion is a prior model, so rehearsal and alert volume decide`);
  return plainCheck(name, 'shadow', `${found}, ${why}: how well it ranks cannot be judged`);
};

const resampleFigures = async (
  { candidate, champion, budget, settings }: GateInput,
  judged: JudgedRows,
  hasLabels: boolean,
  { onProgress, signal }: TrainingHooks,
): Promise<Findings> => {
  const sides = [['candidate', candidate], ...(champion ? [['champion', champion]] : [])] as [string, SideScores][];
  const figures = sides.flatMap(([name, side]) => [
    ...alertFigures(name, judged, side),
    ...(hasLabels ? labelFigures(name, judged, side) : []),
  ]);
  const resampled = await bootstrapClusters(judged.clusterCount, figures, {
    resamples: settings.resamples,
    random: createRandom(settings.seed).fork('gate/rows'),
    onProgress: (share) =>
      onProgress?.('gate', { share, message: `${settings.resamples} resamples of ${judged.clusterCount} entities` }),
    ...(signal && { signal }),
  });
  return { resampled, judged, settings, budget, hasChampion: champion !== null };
};

const labelChecks = (findings: Findings, { candidate, champion, settings }: GateInput): GateCheck[] => [
  liftCheck(findings),
  lossCheck(findings, RANKS_BETTER, 'averagePrecision', settings.averagePrecision),
  lossCheck(findings, 'card precision at the budget', 'cardPrecisionOfBest', settings.cardPrecision),
  calibrationCheck(findings, candidate, champion),
  falseAlarmCheck(findings),
  worstLossCheck(
    findings,
    'segments',
    'segment',
    { averagePrecision: 'average precision', caught: 'share of frauds alerted on' },
    settings.segments.lossSureMax,
  ),
  worstLossCheck(findings, 'stability over days', 'days', { averagePrecision: 'average precision' }, settings.days.lossSureMax),
];

const costChecks = ({ candidate, champion, isFirst, settings }: GateInput): GateCheck[] => {
  const { microsecondsPerRowMax, artifactBytesMax, slowerMax } = settings.scoring;
  const micros = candidate.microsecondsPerRow;
  const ratio = champion ? micros / champion.microsecondsPerRow : null;
  // Not `>`: a time that is not a number is no time.
  const isFast = micros <= microsecondsPerRowMax;
  // Whatever has learned something costs many times what a prior model does.
  const isMuchSlower = ratio !== null && isFirst !== true && !(ratio <= slowerMax);
  const against = ratio === null ? '' : `, ${ratio.toFixed(2)} times the champion's`;
  const bytes = candidate.artifactBytes;
  return [
    plainCheck(
      'scoring time',
      !isFast ? 'reject' : isMuchSlower ? 'shadow' : 'pass',
      `${micros.toFixed(1)} µs a row${against}; at most ${microsecondsPerRowMax} µs and ${slowerMax} times the champion's are asked for`,
    ),
    plainCheck(
      'artifact size',
      bytes <= artifactBytesMax ? 'pass' : 'reject',
      `${bytes} bytes${champion ? `, the champion's ${champion.artifactBytes}` : ''}; at most ${artifactBytesMax} are asked for`,
    ),
  ];
};

const verdictOf = (checks: readonly GateCheck[], { approvalRequired }: GateSettings): GateVerdict => {
  const has = (outcome: GateCheck['outcome']): boolean => checks.some((check) => check.outcome === outcome);
  if (has('reject')) return 'reject';
  if (has('shadow')) return 'shadow';
  return approvalRequired ? 'await-approval' : 'promote';
};

/** All that speaks against it, what rejects first. */
const reasonsOf = (checks: readonly GateCheck[], verdict: GateVerdict, champion: GateSide | null): readonly string[] => {
  const against = (['reject', 'shadow'] as const).flatMap((outcome) =>
    checks.filter((check) => check.outcome === outcome).map(({ sentence }) => sentence),
  );
  if (against.length > 0) return against;
  const passed = champion
    ? `every check passed: not worse than champion ${champion.version} within the stated limits`
    : 'every check passed; there is no champion, so absolute floors alone were asked for';
  // What the prior champion is no reason to wait for is said all the same.
  const waived = checks.flatMap(({ name, outcome, sentence }) => (name === MATURED && outcome === 'not-judged' ? sentence : []));
  return verdict === 'await-approval'
    ? [passed, ...waived, 'a person must agree before it decides (approvalRequired)']
    : [passed, ...waived];
};
