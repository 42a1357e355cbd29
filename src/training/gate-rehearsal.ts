import { InputError } from '../domain/input-error.js';
import type { Random } from '../domain/random.js';
import { notJudged, plainCheck, sureConfidence, told, type GateCheck } from './gate-checks.js';
import type { GateSettings } from './gate-settings.js';
import { bootstrapClusters, differenceOf, intervalOf, type Interval } from './paired-bootstrap.js';
import type { AttackOutcome } from './rehearsal-figures.js';
import type { RehearsalReport } from './rehearse.js';

const FLOOR = 'rehearsal';
const AGAINST = 'rehearsal against the champion';
const CONTROL = 'rehearsal control';

/** What both models were rehearsed against: the same attacks on the same slice, or nothing can be compared. */
const sameAttacks = (candidate: RehearsalReport, champion: RehearsalReport): boolean =>
  candidate.fromMs === champion.fromMs &&
  candidate.toMs === champion.toMs &&
  candidate.settings.seed === champion.settings.seed &&
  candidate.outcomes.length === champion.outcomes.length &&
  candidate.outcomes.every(({ id, transactions }, i) => {
    const other = champion.outcomes[i]!;
    return other.id === id && other.transactions === transactions;
  });

/**
 * Checks of detection power against injected fraud: floors, the champion's on the same attacks, and a control without fraud.
 *
 * @throws InputError when the two reports are of other attacks
 */
export const rehearsalChecks = async (
  candidate: RehearsalReport | null,
  champion: RehearsalReport | null,
  settings: GateSettings,
  random: Random,
): Promise<GateCheck[]> => {
  if (!candidate)
    return [
      settings.rehearsal.isRequired
        ? plainCheck(FLOOR, 'shadow', 'the candidate was not rehearsed, which is asked for')
        : notJudged(FLOOR, 'the candidate was not rehearsed'),
    ];
  // A schema that can show no scenario is no reason against it; attacks that found no room are.
  if (candidate.outcomes.length === 0)
    return [
      settings.rehearsal.isRequired && candidate.leftOut > 0
        ? plainCheck(FLOOR, 'shadow', reasonsWhy(candidate))
        : notJudged(FLOOR, reasonsWhy(candidate)),
    ];
  if (champion && !sameAttacks(candidate, champion))
    throw new InputError(
      'the rehearsals of candidate and champion are of other attacks: the slice and all settings must be the same',
    );
  return [
    await floorCheck(candidate, settings, random.fork('floor')),
    champion
      ? await againstCheck(candidate, champion, settings, random.fork('against'))
      : notJudged(AGAINST, 'there is no champion that was rehearsed'),
    controlCheck(candidate, settings),
  ];
};

const reasonsWhy = ({ notApplicable }: RehearsalReport): string => {
  const reasons = [...new Set(notApplicable.map(({ reason }) => reason))];
  return reasons.length === 0 ? 'no attack found room' : `the schema can show no attack (${reasons.join('; ')})`;
};

const scenariosOf = (outcomes: readonly AttackOutcome[]): readonly string[] => [
  ...new Set(outcomes.map(({ scenario }) => scenario)),
];
const isDetected = ({ alerted }: AttackOutcome): boolean => alerted > 0;

/** Mean over the scenarios of the share of attacks detected at the greatest strength, and the floors of single scenarios. */
const floorCheck = async (report: RehearsalReport, settings: GateSettings, random: Random): Promise<GateCheck> => {
  const strongest = Math.max(...report.outcomes.map(({ strength }) => strength));
  const attacks = report.outcomes.filter(({ strength }) => strength === strongest);
  const scenarios = scenariosOf(attacks);
  const place = attacks.map(({ scenario }) => scenarios.indexOf(scenario));
  const meanPower = (weights: Int32Array): number => {
    const detected = new Float64Array(scenarios.length);
    const drawn = new Float64Array(scenarios.length);
    attacks.forEach((attack, i) => {
      drawn[place[i]!]! += weights[i]!;
      if (isDetected(attack)) detected[place[i]!]! += weights[i]!;
    });
    return detected.reduce((sum, count, s) => sum + count / drawn[s]!, 0) / scenarios.length;
  };
  const resampled = await bootstrapClusters(attacks.length, [{ keys: ['power'], of: (weights) => [meanPower(weights)] }], {
    resamples: settings.resamples,
    random,
  });
  const power = intervalOf(resampled.value('power'), resampled.draws('power'), settings.confidence);
  const { powerMin, scenarioPowerMin } = settings.rehearsal;
  const weak = report.cells.filter(
    ({ scenario, strength, detected }) => strength === strongest && detected.high < (scenarioPowerMin[scenario] ?? 0),
  );
  const isBelow = power.high < powerMin;
  const floors = weak.map(
    ({ scenario, detected }) =>
      `; ${scenario} ${told({ ...detected, value: detected.share })}, ${scenarioPowerMin[scenario]} is asked for`,
  );
  return {
    name: FLOOR,
    outcome: isBelow || weak.length > 0 ? 'reject' : 'pass',
    sentence: `rehearsal: mean detection power ${told(power)} over ${scenarios.length} scenarios at strength ${strongest}; at least ${powerMin} is asked for${floors.join('')}`,
    candidate: power,
    champion: null,
    difference: null,
  };
};

/** Attack by attack; the scenarios divide the confidence further. */
const againstCheck = async (
  candidate: RehearsalReport,
  champion: RehearsalReport,
  settings: GateSettings,
  random: Random,
): Promise<GateCheck> => {
  const scenarios = scenariosOf(candidate.outcomes);
  const confidence = sureConfidence(settings, scenarios.length);
  const losses: { scenario: string; candidate: Interval; champion: Interval; difference: Interval }[] = [];
  for (const scenario of scenarios) {
    const pairs = candidate.outcomes.flatMap((own, i) =>
      own.scenario === scenario ? [[isDetected(own), isDetected(champion.outcomes[i]!)] as const] : [],
    );
    const shareOf = (side: 0 | 1) => (weights: Int32Array) => [
      pairs.reduce((sum, pair, i) => sum + (pair[side] ? weights[i]! : 0), 0) / pairs.length,
    ];
    const figures = [
      { keys: ['candidate'], of: shareOf(0) },
      { keys: ['champion'], of: shareOf(1) },
    ];
    const resampled = await bootstrapClusters(pairs.length, figures, {
      resamples: settings.resamples,
      random: random.fork(scenario),
    });
    const of = (key: string): Interval => intervalOf(resampled.value(key), resampled.draws(key), confidence);
    losses.push({
      scenario,
      candidate: of('candidate'),
      champion: of('champion'),
      difference: differenceOf(resampled, 'candidate', 'champion', confidence),
    });
  }
  const { lossSureMax } = settings.rehearsal;
  const sure = losses.filter(({ difference }) => difference.high < -lossSureMax);
  const [worst] = [...(sure.length > 0 ? sure : losses)].sort((a, b) => a.difference.value - b.difference.value);
  const { scenario, ...figures } = worst!;
  const verdict = sure.length > 0 ? `a loss of more than ${lossSureMax} is sure` : `no loss of more than ${lossSureMax} is sure`;
  return {
    name: AGAINST,
    outcome: sure.length > 0 ? 'reject' : 'pass',
    sentence: `${AGAINST}: the worst of ${scenarios.length} scenarios is ${scenario}, detection power ${told(figures.candidate)}, the champion's ${told(figures.champion)}, difference ${told(figures.difference)}; ${verdict}`,
    ...figures,
  };
};

const controlCheck = ({ control, budget }: RehearsalReport, settings: GateSettings): GateCheck => {
  const { controlMax } = settings.rehearsal;
  if (control.of === 0) return notJudged(CONTROL, 'no ordinary payments were injected');
  const isNoticed = control.low > controlMax * budget;
  const share = { value: control.share, low: control.low, high: control.high };
  return {
    name: CONTROL,
    outcome: isNoticed ? 'shadow' : 'pass',
    sentence: `${CONTROL}: ${control.count} of ${control.of} injected ordinary payments were alerted on, ${told(share)} against a budget of ${budget}${
      isNoticed ? '; injecting itself is noticed, so the power is not to be trusted' : ''
    }`,
    candidate: share,
    champion: null,
    difference: null,
  };
};
