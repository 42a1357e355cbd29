import { describe, expect, it } from '@jest/globals';
import { ORACLE_FEATURES } from '../../test/support/feature-oracle.js';
import { ORACLE_MODEL } from '../../test/support/late-stream.js';
import type { Calibration } from '../domain/calibration.js';
import type { Channel, Policy } from '../domain/decision.js';
import { featureMatrix } from '../domain/feature-matrix.js';
import { fitScoreCalibration } from '../models/conformal.js';
import type { Detector } from '../models/detector.js';
import { type Challenger, scoreShadows } from './shadow.js';

const ROWS = 40;
const WINDOW = 1_000;
const LEVEL = 0.06;
const matrix = featureMatrix(ORACLE_FEATURES.columns, new Float32Array(ROWS * ORACLE_FEATURES.columns.length));
const policy = {
  version: 'p1',
  ranking: { kind: 'lanes', weights: { S: 1, T: 0, H: 0, D: 0 } },
  declineBelow: 0.2,
} as unknown as Policy;

const detectorOf = (score: () => Float64Array): Detector => ({ estimator: 'test', score }) as unknown as Detector;
/** Row i scores 25 i: among the window's scores 0 to 999, 1,000 - 25 i are as high. */
const rising = detectorOf(() => Float64Array.from({ length: ROWS }, (_, i) => 25 * i));
const model = (version: string, detectors: Partial<Record<Channel, Detector>> = { S: rising }) => ({
  ...ORACLE_MODEL,
  version,
  detectors,
});
const champion = model('champion');

const window = fitScoreCalibration(Float64Array.from({ length: WINDOW }, (_, i) => i));
const nothing = fitScoreCalibration(new Float64Array(WINDOW));
const calibrationOf = (version: string, over: Partial<Calibration> = {}): Calibration => ({
  id: `${version}.1`,
  model: version,
  policy: 'p1',
  validFromDay: 1,
  channels: { S: window, T: nothing, H: nothing, D: nothing },
  // F = log(1 / p) rises with S: its window is that of S, through the same formula.
  fused: fitScoreCalibration(Float64Array.from({ length: WINDOW }, (_, i) => -Math.log((WINDOW - i + 1) / (WINDOW + 1)))),
  level: LEVEL,
  bound: 'budget-share',
  nominal: LEVEL,
  achieved: null,
  ...over,
});

const failures: string[] = [];
const shadowsOf = (challengers: readonly Challenger[], given: Policy | null = policy) => {
  failures.length = 0;
  return scoreShadows(challengers, champion, matrix, given, (version, error) => failures.push(`${version}: ${error.message}`));
};

describe('challengers beside a champion', () => {
  it('decide by the rank of the score in their own window', () => {
    const [shadow] = shadowsOf([{ model: model('c1'), calibration: calibrationOf('c1') }]);
    expect(shadow!.version).toBe('c1');
    expect([...shadow!.scores.S]).toEqual([...rising.score(matrix)]);
    expect(shadow!.scores.D).toEqual(new Float64Array(ROWS));
    const { calibration, minusLog10P, outcomes, lanes } = shadow!.decided!;
    expect(calibration).toBe('c1.1');
    for (let i = 0; i < ROWS; i += 1) {
      const p = (WINDOW - 25 * i + 1) / (WINDOW + 1);
      // The tail beyond the knots is an extrapolation; below it the p-value is the rank.
      if (p > 0.02) expect(10 ** -minusLog10P[i]!).toBeCloseTo(p, 2);
      expect(outcomes[i] === 'approve').toBe(p > LEVEL);
      expect(lanes[i]).toBe(p > LEVEL ? null : 'S');
    }
    expect(outcomes.filter((outcome) => outcome !== 'approve')).toHaveLength(2);
    expect(failures).toEqual([]);
  });

  it.each([
    ['without a calibration', null, policy],
    ['with one of another policy', calibrationOf('c1', { policy: 'p2' }), policy],
    ['while the champion decides nothing', calibrationOf('c1'), null],
  ])('%s they only score', (_, calibration, given) => {
    expect(shadowsOf([{ model: model('c1'), calibration }], given)).toMatchObject([{ version: 'c1', decided: null }]);
  });

  it('that throw, read other features or score NaN are named, and the others go on', () => {
    const thrown = detectorOf(() => {
      throw new Error('no such column');
    });
    const other = { ...model('other'), featureSet: { ...ORACLE_FEATURES, id: 'full-0badcafe' } };
    const blank = detectorOf(() => Float64Array.from({ length: ROWS }, (_, i) => (i === 3 ? NaN : 1)));
    const shadows = shadowsOf(
      [model('throws', { D: thrown }), other, model('blank', { T: blank }), model('well')].map((each) => ({
        model: each,
        calibration: null,
      })),
    );
    expect(shadows.map(({ version }) => version)).toEqual(['well']);
    expect(failures).toEqual([
      'throws: no such column',
      `other: it reads the features full-0badcafe, the champion's are ${ORACLE_FEATURES.id}`,
      'blank: its channel T scores row 3 as NaN',
    ]);
  });

  it('are silent where they are the champion by now', () => {
    expect(shadowsOf([{ model: champion, calibration: null }])).toEqual([]);
    expect(failures).toEqual([]);
  });

  it('send no more than their scores between threads, whatever memory a detector answers from', () => {
    const large = new Float64Array(1 << 16).fill(2);
    const [shadow] = shadowsOf([{ model: model('c1', { D: detectorOf(() => large.subarray(7, 7 + ROWS)) }), calibration: null }]);
    expect(shadow!.scores.D.buffer.byteLength).toBe(8 * ROWS);
    expect([...shadow!.scores.D]).toEqual(new Array(ROWS).fill(2));
  });
});
