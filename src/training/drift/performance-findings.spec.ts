import { DriftSettingsSchema } from './drift-settings.js';
import { performanceFindings, type DriftFinding } from './findings.js';
import { performanceOf, type JudgedRows } from './performance.js';

const settings = DriftSettingsSchema.parse({});

interface Alerts {
  readonly cards: number;
  /** All of a card's alerts are of frauds or none is. */
  readonly fraudulentCards: number;
  readonly alertsOfEach: number;
}

const alertsOf = ({ cards, fraudulentCards, alertsOfEach }: Alerts): JudgedRows => {
  const entities = Int32Array.from({ length: cards * alertsOfEach }, (_, row) => Math.floor(row / alertsOfEach));
  return {
    day: new Int32Array(entities.length),
    entities,
    alerted: new Uint8Array(entities.length).fill(1),
    labels: Uint8Array.from(entities, (card) => Number(card < fraudulentCards)),
  };
};

/** Every fraud is alerted on, so that recall is 1. @param precision that the gate measured */
const findingsOf = (alerts: Alerts, precision: number): readonly DriftFinding[] => {
  const judged = alertsOf(alerts);
  return performanceFindings(judged, performanceOf(judged, 0, 6, 0.95), { precision, recall: 1 }, settings);
};

describe('precision and recall held against what the gate measured', () => {
  it('a loss below the limit is no finding: 30 % of 0.8 leaves 0.56', () => {
    expect(findingsOf({ cards: 100, fraudulentCards: 56, alertsOfEach: 1 }, 0.8)).toEqual([]);
    expect(findingsOf({ cards: 100, fraudulentCards: 55, alertsOfEach: 1 }, 0.8)).toMatchObject([
      { kind: 'performance', field: 'precision', value: 0.55, isAlarm: true },
    ]);
  });

  it('a loss that few alerts show is a finding and no alarm, and says so', () => {
    const [finding, ...others] = findingsOf({ cards: 5, fraudulentCards: 2, alertsOfEach: 1 }, 0.8);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ value: 0.4, threshold: 0.8 * 0.7, isAlarm: false });
    expect(finding!.sentence).toMatch(
      /^precision 40\.0 % \(.*\), 80\.0 % at the gate; too few rows or days to tell it from chance$/,
    );
  });

  it('the alerts of one card are one piece of evidence', () => {
    expect(findingsOf({ cards: 400, fraudulentCards: 160, alertsOfEach: 1 }, 0.8)).toMatchObject([{ isAlarm: true }]);
    expect(findingsOf({ cards: 10, fraudulentCards: 4, alertsOfEach: 40 }, 0.8)).toMatchObject([{ value: 0.4, isAlarm: false }]);
  });

  it('frauds that are missed are a loss of recall', () => {
    const caught = alertsOf({ cards: 40, fraudulentCards: 40, alertsOfEach: 1 });
    const judged = { ...caught, alerted: caught.alerted.map((_, row) => Number(row < 10)) };
    const found = performanceFindings(judged, performanceOf(judged, 0, 6, 0.95), { precision: 1, recall: 0.7 }, settings);
    expect(found).toMatchObject([{ field: 'recall', value: 0.25, isAlarm: true }]);
  });

  it('nothing to judge is no finding', () => {
    expect(findingsOf({ cards: 0, fraudulentCards: 0, alertsOfEach: 0 }, 0.8)).toEqual([]);
  });
});
