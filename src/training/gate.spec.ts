import { allDetected, BUDGET, models, outcomesOf, rehearsalOf, sideOf, sliceOf } from '../../test/support/gate-sides.js';
import { createRandom } from '../domain/random.js';
import { judgeCandidate, type GateInput, type GateSide } from './gate.js';
import { GateSettingsSchema } from './gate-settings.js';
import { wilsonShare } from './wilson.js';

const settings = GateSettingsSchema.parse({ resamples: 250 });
const judge = (input: Pick<GateInput, 'rows' | 'candidate' | 'champion'>, changed: Partial<GateInput> = {}) =>
  judgeCandidate({ ...input, budget: BUDGET, settings, ...changed });
const outcomeOf = (report: Awaited<ReturnType<typeof judge>>, name: string) =>
  report.checks.find((check) => check.name === name)!;

describe('the gate', () => {
  const rows = sliceOf(1);
  const truth = Float64Array.from(rows.labels);
  const oracle = sideOf('oracle', truth, truth);
  const constant = sideOf('constant', new Float64Array(rows.labels.length), null, rehearsalOf(outcomesOf(() => false)));

  test('an oracle scores 1 and is promoted, with a champion and without', async () => {
    const { champion } = models(1, rows, 2.5);
    for (const against of [null, champion]) {
      const report = await judge({ rows, candidate: oracle, champion: against });
      expect(report.verdict).toBe('promote');
      expect(outcomeOf(report, 'average precision').candidate).toEqual({ value: 1, low: 1, high: 1 });
      expect(outcomeOf(report, 'calibration error').candidate).toEqual({ value: 0, low: 0, high: 0 });
      expect(outcomeOf(report, 'rehearsal').candidate).toEqual({ value: 1, low: 1, high: 1 });
      if (against) expect(outcomeOf(report, 'card precision at the budget').candidate).toEqual({ value: 1, low: 1, high: 1 });
      expect(report).toMatchObject({ maturedFrauds: 100, maturedRows: 3000, entities: 300, cardsPerDay: 6 });
      // 60 alerts, all of them frauds.
      expect(report.alertPerformance).toEqual({ precision: 1, recall: 0.6 });
    }
    const awaiting = await judge({ rows, candidate: oracle, champion }, { settings: { ...settings, approvalRequired: true } });
    expect(awaiting.verdict).toBe('await-approval');
    expect(awaiting.reasons.join(' ')).toContain('a person must agree');
  });

  test('a constant model is rejected, with a champion and without; so is one that scores at random, over 10 seeds', async () => {
    const { champion } = models(1, rows, 2.5);
    // It alerts on nobody in particular: on nobody.
    const silent = { ...constant, alerted: new Uint8Array(rows.labels.length) };
    for (const against of [null, champion]) {
      const report = await judge({ rows, candidate: silent, champion: against });
      expect(report.alertPerformance).toBeNull();
      expect(report.verdict).toBe('reject');
      const rejecting = report.checks.filter(({ outcome }) => outcome === 'reject').map(({ name }) => name);
      expect(rejecting).toEqual(expect.arrayContaining(['average precision', 'rehearsal']));
      expect(outcomeOf(report, 'average precision').candidate!.value).toBeCloseTo(100 / 3000, 12);
    }
    for (let seed = 0; seed < 10; seed += 1) {
      const random = createRandom(seed);
      const scores = Float64Array.from(rows.labels, () => random.uniform());
      expect((await judge({ rows, candidate: sideOf('random', scores, null), champion: null })).verdict).toBe('reject');
    }
  });

  test('the first after a prior champion need not wait for labels nor be as fast; a rehearsal it does not stand rejects it', async () => {
    const unlabelled = { ...rows, labels: rows.labels.map(() => -1) };
    const prior = {
      ...models(1, rows, 2.5).champion,
      microsecondsPerRow: 1,
      rehearsal: rehearsalOf(outcomesOf((_, i) => i < 10)),
    };
    const judged = (candidate: GateSide, isFirst: boolean) =>
      judge({ rows: unlabelled, candidate, champion: prior }, { isFirst });
    const report = await judged(oracle, true);
    expect(report.verdict).toBe('promote');
    expect(report.reasons[1]).toMatch(/^matured frauds: not judged, 0 frauds .*the champion is a prior model/);
    expect(outcomeOf(report, 'scoring time').outcome).toBe('pass');
    // Beside any other champion it waits.
    expect((await judged(oracle, false)).verdict).toBe('shadow');
    const worse = { ...oracle, rehearsal: rehearsalOf(outcomesOf(() => false)) };
    expect((await judged(worse, true)).verdict).toBe('reject');
    // Nothing at all could judge it: neither labels nor attacks.
    const unseen = { ...oracle, rehearsal: rehearsalOf([]) };
    const against = { ...prior, rehearsal: unseen.rehearsal };
    const blind = await judge({ rows: unlabelled, candidate: unseen, champion: against }, { isFirst: true });
    expect(blind.verdict).toBe('shadow');
  });

  test('a sure gain on real frauds outweighs a loss in rehearsal, beside a champion that has no labels and no other', async () => {
    const { champion } = models(1, rows, 2.5);
    const lost = { ...oracle, rehearsal: rehearsalOf(outcomesOf((scenario) => scenario !== 'mule')) };
    const judged = (candidate: GateSide, championKnowsLabels: boolean) =>
      judge({ rows, candidate, champion }, { championKnowsLabels });
    const report = await judged(lost, false);
    expect(report.verdict).toBe('promote');
    expect(outcomeOf(report, 'rehearsal against the champion')).toMatchObject({ outcome: 'not-judged' });
    expect(outcomeOf(report, 'rehearsal against the champion').sentence).toContain('mule');
    expect((await judged(lost, true)).verdict).toBe('reject');
    // No better on real frauds: the loss counts.
    const alike = { ...champion, version: 'alike', rehearsal: lost.rehearsal };
    expect((await judged(alike, false)).verdict).toBe('reject');
  });

  test('one that is blind in one segment alone is caught there, though it is better elsewhere', async () => {
    for (let seed = 0; seed < 4; seed += 1) {
      const slice = sliceOf(seed, 60);
      const { champion } = models(seed, slice, 2.5);
      const better = models(seed, slice, 4).candidate;
      const blind = better.scores.map((score, row) =>
        slice.segments!.numbers[row] === 1 && slice.labels[row] === 1 ? score - 4 : score,
      );
      const report = await judge({ rows: slice, candidate: sideOf('blind', blind, null), champion });
      expect(outcomeOf(report, 'segments')).toMatchObject({ outcome: 'reject' });
      expect(outcomeOf(report, 'segments').sentence).toContain('online');
      expect(report.verdict).toBe('reject');
    }
  });

  test('one that fades on the last days is caught there', async () => {
    const slice = sliceOf(3, 60);
    const { champion } = models(3, slice, 2.5);
    const better = models(3, slice, 4).candidate;
    const fading = better.scores.map((score, row) => (slice.days[row]! >= 20_006 && slice.labels[row] === 1 ? score - 4 : score));
    const report = await judge({ rows: slice, candidate: sideOf('fading', fading, null), champion });
    expect(outcomeOf(report, 'stability over days')).toMatchObject({ outcome: 'reject' });
  });

  test('one that lost the power on one rehearsed scenario is rejected, whatever it gained on the others', async () => {
    const { candidate, champion } = models(1, rows, 2.5);
    const before = rehearsalOf(outcomesOf((scenario, i) => scenario === 'mule' || i < 8));
    const after = rehearsalOf(outcomesOf((scenario, i) => scenario !== 'mule' || i < 4));
    const report = await judge({
      rows,
      candidate: { ...candidate, rehearsal: after },
      champion: { ...champion, rehearsal: before },
    });
    expect(report.verdict).toBe('reject');
    expect(report.checks.filter(({ outcome }) => outcome === 'reject').map(({ name }) => name)).toEqual([
      'rehearsal against the champion',
    ]);
    expect(report.reasons[0]).toContain('mule');
    // 8 of 30 against 30 of 30, paired: exact.
    expect(outcomeOf(report, 'rehearsal against the champion').difference!.value).toBeCloseTo(-22 / 30, 12);
    const one = rehearsalOf(outcomesOf((scenario, i) => (scenario === 'mule' ? i > 0 : i < 8)));
    const slightly = { ...candidate, rehearsal: one };
    expect((await judge({ rows, candidate: slightly, champion: { ...champion, rehearsal: before } })).verdict).not.toBe('reject');
  });

  test('floors of rehearsal hold without a champion; a control that is noticed makes its power worthless', async () => {
    const weak = rehearsalOf(outcomesOf((_scenario, i) => i < 1));
    expect((await judge({ rows, candidate: { ...oracle, rehearsal: weak }, champion: null })).verdict).toBe('reject');
    const noMules = rehearsalOf(outcomesOf((scenario) => scenario !== 'mule'));
    const asked = GateSettingsSchema.parse({ resamples: 200, rehearsal: { scenarioPowerMin: { mule: 0.5 } } });
    const candidate = { ...oracle, rehearsal: noMules };
    expect((await judge({ rows, candidate, champion: null })).verdict).toBe('promote');
    expect((await judge({ rows, candidate, champion: null }, { settings: asked })).verdict).toBe('reject');
    const noticed = rehearsalOf(
      outcomesOf(() => true),
      wilsonShare(90, 1000),
    );
    expect((await judge({ rows, candidate: { ...oracle, rehearsal: noticed }, champion: null })).verdict).toBe('shadow');
    const none = { ...oracle, rehearsal: null };
    expect((await judge({ rows, candidate: none, champion: null })).verdict).toBe('shadow');
    const plainTable = { ...allDetected, outcomes: [], cells: [], notApplicable: [{ scenario: 'mule', reason: 'no entities' }] };
    const report = await judge({ rows, candidate: { ...oracle, rehearsal: plainTable }, champion: null });
    expect(report.verdict).toBe('promote');
    expect(outcomeOf(report, 'rehearsal').sentence).toContain('no entities');
  });

  test.each([
    ['no matured frauds', Int8Array.from(rows.labels, () => 0), '0 frauds of 0 entities among 3000'],
    ['one class only', Int8Array.from(rows.labels, () => 1), 'none of them is legitimate'],
    ['three frauds', Int8Array.from(rows.labels, (_, i) => (i < 3 ? 1 : 0)), '3 frauds of 3 entities among 3000'],
    ['no label matured', Int8Array.from(rows.labels, () => -1), '0 frauds of 0 entities among 0'],
  ])('with %s it runs in shadow and says so', async (_name, labels, words) => {
    const report = await judge({ rows: { ...rows, labels }, candidate: oracle, champion: { ...constant, rehearsal: null } });
    expect(report.verdict).toBe('shadow');
    expect(report.reasons[0]).toContain(words);
    expect(JSON.stringify(report)).not.toContain('NaN');
    // What needs no labels still rejects.
    const slow = { ...oracle, microsecondsPerRow: 1e6 };
    expect((await judge({ rows: { ...rows, labels }, candidate: slow, champion: null })).verdict).toBe('reject');
  });

  test('volume, false alarms, one wild day, wrong probabilities, time and size are held against it', async () => {
    const { champion } = models(1, rows, 2.5);
    const alertOn = (isAlert: (row: number) => boolean): GateSide => ({
      ...oracle,
      alerted: Uint8Array.from(rows.labels, (label, row) => (label === 1 || isAlert(row) ? 1 : 0)),
    });
    const of = async (candidate: GateSide, against: GateSide | null = null) => judge({ rows, candidate, champion: against });
    const loud = await of(alertOn((row) => row % 10 === 0));
    expect(outcomeOf(loud, 'alert volume').outcome).toBe('reject');
    expect(outcomeOf(loud, 'false alarms').outcome).toBe('reject');
    const silent = await of({ ...oracle, alerted: new Uint8Array(rows.labels.length) });
    expect(outcomeOf(silent, 'alert volume').outcome).toBe('shadow');
    const wild = await of({
      ...oracle,
      alerted: Uint8Array.from(rows.days, (day, i) => (day === 20_004 && i % 5 === 0 ? 1 : 0)),
    });
    expect(outcomeOf(wild, 'alerts of a day').outcome).toBe('shadow');
    const sure = await of({ ...oracle, fraudProbabilities: rows.labels.length > 0 ? new Float64Array(3000).fill(0.5) : null });
    expect(outcomeOf(sure, 'calibration error').outcome).toBe('reject');
    // |0.5 - base| / base, the same in every group.
    expect(outcomeOf(sure, 'calibration error').candidate!.value).toBeGreaterThan((0.5 - 1 / 30) / (1 / 30) - 1e-9);
    const mute = await of({ ...oracle, fraudProbabilities: null }, { ...champion, fraudProbabilities: truth });
    expect(outcomeOf(mute, 'calibration error').outcome).toBe('shadow');
    expect((await of({ ...oracle, microsecondsPerRow: NaN })).verdict).toBe('reject');
    expect(outcomeOf(await of({ ...oracle, microsecondsPerRow: 400 }, champion), 'scoring time').outcome).toBe('shadow');
    expect(outcomeOf(await of({ ...oracle, artifactBytes: 1e9 }), 'artifact size').outcome).toBe('reject');
  });

  test('what does not belong together is refused with a sentence', async () => {
    const of = (changed: Partial<GateInput>) => judge({ rows, candidate: oracle, champion: null }, changed);
    const empty = { labels: new Int8Array(0), entities: new Int32Array(0), days: new Int32Array(0) };
    await expect(of({ rows: empty })).rejects.toThrow('the slice to judge on holds no rows');
    await expect(of({ rows: { ...rows, days: new Int32Array(7) } })).rejects.toThrow('days: 7 values for 3000 rows');
    await expect(of({ rows: { ...rows, labels: new Int8Array(3000).fill(2) } })).rejects.toThrow(
      'label of row 0: 2 is not 1, 0 or -1',
    );
    await expect(of({ candidate: { ...oracle, scores: new Float64Array(9) } })).rejects.toThrow(
      'scores of candidate oracle: 9 values',
    );
    const broken = { ...oracle, scores: Float64Array.from(truth, (score, i) => (i === 4 ? NaN : score)) };
    await expect(of({ candidate: broken })).rejects.toThrow('scores of candidate oracle: row 4 is NaN');
    const beyond = { ...oracle, fraudProbabilities: Float64Array.from(truth, (p, i) => (i === 5 ? 1.5 : p)) };
    await expect(of({ candidate: beyond })).rejects.toThrow('row 5 is 1.5, expected 0 to 1');
    await expect(of({ budget: 0 })).rejects.toThrow('budget: 0 is not a share');
    const other = { ...allDetected, fromMs: 5 };
    await expect(of({ champion: { ...oracle, rehearsal: other } })).rejects.toThrow('of other attacks');
    const signal = AbortSignal.abort(new Error('enough'));
    const input = { rows, candidate: oracle, champion: null, budget: BUDGET, settings };
    await expect(judgeCandidate(input, { signal })).rejects.toThrow('enough');
    expect(() => GateSettingsSchema.parse({ rehearsal: { scenarioPowerMin: { mul: 0.5 } } })).toThrow(
      /expected one of card-testing/,
    );
    expect(() => GateSettingsSchema.parse({ averagePrecisionMin: 1 })).toThrow();
  });

  test('the same input gives the same report', async () => {
    const sides = models(2, rows, 2.2);
    expect(await judge({ rows, ...sides })).toEqual(await judge({ rows, ...sides }));
  });
});
