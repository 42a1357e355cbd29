import type { DriftFinding } from '../training/ports.js';
import { sinceDay, type StoredDriftReport } from './drift.store.js';

const finding = (kind: DriftFinding['kind'], field: string) => ({ kind, field }) as DriftFinding;
const MISSING = finding('missing', 'distance');

/** A day's report with these alarms. */
const on = (day: number, alarms: readonly DriftFinding[], reference = 'm1'): StoredDriftReport =>
  ({ day, model: reference, alarms: alarms.length, report: { day, reference, alarms } }) as unknown as StoredDriftReport;

describe('the day since when an alarm stands', () => {
  it('is the first of the days one after the other on which it stood', () => {
    expect(sinceDay([on(9, [MISSING]), on(8, [MISSING]), on(7, []), on(6, [MISSING])], MISSING)).toBe(8);
    expect(sinceDay([on(9, [MISSING]), on(8, [MISSING])], MISSING)).toBe(8);
    expect(sinceDay([on(9, [MISSING]), on(8, [finding('missing', 'amount')])], MISSING)).toBe(9);
  });

  it('does not bridge a day without a report', () => {
    expect(sinceDay([on(9, [MISSING]), on(8, [MISSING]), on(6, [MISSING])], MISSING)).toBe(8);
  });

  it('is of one reference: what another champion was held against says nothing of this one', () => {
    expect(sinceDay([on(9, [MISSING], 'm2'), on(8, [MISSING])], MISSING)).toBe(9);
  });

  it('of the scores is of whichever changed most', () => {
    expect(sinceDay([on(9, [finding('scores', 'D')]), on(8, [finding('scores', 'fused')])], finding('scores', 'D'))).toBe(8);
  });
});
