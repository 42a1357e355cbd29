import { createRandom, type Random } from '../../src/domain/random.js';
import type { GateRows, GateSide } from '../../src/training/gate.js';
import { rehearsedCells, type AttackOutcome } from '../../src/training/rehearsal-figures.js';
import { RehearsalSettingsSchema } from '../../src/training/rehearsal-settings.js';
import type { RehearsalReport } from '../../src/training/rehearse.js';
import { wilsonShare } from '../../src/training/wilson.js';

export const BUDGET = 0.02;

/** A later slice: 300 customers, ten days, about 3 % fraud that comes in spells of one customer; three segments. */
export const sliceOf = (seed: number, frauds = 20): GateRows => {
  const random = createRandom(seed).fork('slice');
  const labels: number[] = [];
  const entities: number[] = [];
  const days: number[] = [];
  const numbers: number[] = [];
  for (let entity = 0; entity < 300; entity += 1)
    for (let i = 0; i < 10; i += 1) {
      entities.push(entity);
      days.push(20_000 + i);
      numbers.push(entity % 3);
      labels.push(entity < frauds && i >= 3 && i < 8 ? 1 : 0);
    }
  const order = [...labels.keys()].sort((a, b) => days[a]! - days[b]! || random.uniform() - 0.5);
  const of = (values: readonly number[]) => Int32Array.from(order, (i) => values[i]!);
  return {
    labels: Int8Array.from(of(labels)),
    entities: of(entities),
    days: of(days),
    segments: { numbers: of(numbers), names: ['shops', 'online', 'cash'] },
  };
};

export const outcomesOf = (power: (scenario: string, i: number) => boolean): AttackOutcome[] =>
  ['card-testing', 'account-takeover', 'mule'].flatMap((scenario) =>
    [0.5, 1].flatMap((strength) =>
      Array.from({ length: 15 }, (_, i) => {
        const isDetected = power(scenario, i);
        return {
          id: `${scenario}/${strength}/${i}`,
          scenario,
          strength,
          transactions: 5,
          alerted: isDetected ? 3 : 0,
          transactionsToAlert: isDetected ? 2 : null,
          minutesToAlert: isDetected ? 4 : null,
        };
      }),
    ),
  );

export const rehearsalOf = (outcomes: readonly AttackOutcome[], control = wilsonShare(20, 1000)): RehearsalReport => ({
  model: 'test',
  settings: RehearsalSettingsSchema.parse({}),
  fromMs: 0,
  toMs: 1,
  sliceRows: 3000,
  passes: 1,
  attacks: outcomes.length,
  injectedRows: 5 * outcomes.length,
  attackedShare: 0.2,
  leftOut: 0,
  budget: BUDGET,
  realAlerts: wilsonShare(60, 3000),
  realFalseAlarms: wilsonShare(20, 2900),
  control,
  cells: rehearsedCells(outcomes),
  notApplicable: [],
  outcomes,
});
export const allDetected = rehearsalOf(outcomesOf(() => true));

/** Alerts on the budget's share of highest scores; probabilities are exact at `base` wherever they are constant. */
export const sideOf = (
  version: string,
  scores: Float64Array,
  probabilities: Float64Array | null,
  rehearsal = allDetected,
): GateSide => {
  const alerts = Math.round(BUDGET * scores.length);
  const top = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!).slice(0, alerts);
  const alerted = new Uint8Array(scores.length);
  for (const row of top) alerted[row] = 1;
  return { version, scores, alerted, fraudProbabilities: probabilities, rehearsal, microsecondsPerRow: 50, artifactBytes: 1e6 };
};

/** Score = separation where it is fraud + a noise that both models see + one of their own (both of variance half). */
const noisyScores = ({ labels }: GateRows, separation: number, shared: Float64Array, random: Random): Float64Array =>
  Float64Array.from(labels, (label, row) => separation * label + Math.SQRT1_2 * (shared[row]! + random.normal()));

export const models = (seed: number, rows: GateRows, separation: number) => {
  const random = createRandom(seed).fork('models');
  const shared = Float64Array.from(rows.labels, () => random.normal());
  return {
    champion: sideOf('champion', noisyScores(rows, 2.5, shared, random.fork('champion')), null),
    candidate: sideOf('candidate', noisyScores(rows, separation, shared, random.fork('candidate')), null),
  };
};
