import { type FeatureMatrix, featureMatrix, numericColumn, selectRows } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import { createSimdBackend } from '../tensor/simd.js';
import { harmonicMean } from './calibrated-members.js';
import { densityEnsemble } from './density-ensemble.js';
import { separation } from './swapped-cells.js';

const columns = ['x', 'y', 'z'].map((name) => numericColumn(name));
const context = { random: createRandom(1), backend: createSimdBackend() };

/** Two related columns and one of noise; frauds crowd around one far point. */
const draw = (rowCount: number, frauds: number, seed: number): FeatureMatrix => {
  const random = createRandom(seed);
  const rows = Array.from({ length: rowCount }, (_, r) => {
    const x = random.normal();
    if (r < frauds) return [6 + 0.05 * random.normal(), 6 + 0.05 * random.normal(), 6 + 0.05 * random.normal()];
    return [x, 0.9 * x + 0.2 * random.normal(), random.normal()];
  });
  return featureMatrix(columns, Float32Array.from(rows.flat()));
};

describe('harmonicMean', () => {
  it('is minus the log of the harmonic mean of probabilities, far beyond what a double holds', () => {
    const p = [0.5, 0.01, 0.2];
    const expected = Math.log(p.reduce((sum, each) => sum + 1 / each, 0) / 3);
    expect(harmonicMean(p.map((each) => -Math.log(each)))).toBeCloseTo(expected, 12);
    expect(harmonicMean([2000, 0])).toBeCloseTo(2000 - Math.log(2), 9);
  });
});

describe('density-ensemble', () => {
  const unlabelled = draw(200, 12, 2);
  const fresh = selectRows(draw(212, 12, 3), [...Array(212).keys()]);
  const [frauds, normals] = [
    selectRows(fresh, [...Array(12).keys()]),
    selectRows(
      fresh,
      [...Array(200).keys()].map((r) => r + 12),
    ),
  ];

  it('leaves a crowd of frauds out of rows without labels, and says what it takes for granted', async () => {
    const detector = await densityEnsemble.fit({ features: unlabelled }, context);
    expect(detector.choice).toMatch(
      /^training rows without labels are taken to hold anomalies: the 40 most isolated are left out, and an isolation forest joins;/,
    );
    expect(separation(detector.score(normals), detector.score(frauds))).toBeGreaterThan(0.99);
  });

  it('trusts all rows where it is told to, without labels as with them', async () => {
    const trusting = { ...context, parameters: { trimmedShare: 0 } };
    const told = await densityEnsemble.fit({ features: unlabelled }, trusting);
    const labelled = await densityEnsemble.fit({ features: unlabelled, labels: new Uint8Array(200) }, context);
    expect(told.choice).toBe(labelled.choice);
    expect(told.score(fresh)).toEqual(labelled.score(fresh));
  });

  it('takes labels at their word: legitimate rows are all learnt from, frauds never', async () => {
    const labels = Uint8Array.from({ length: 200 }, (_, r) => (r < 12 ? 1 : 0));
    const detector = await densityEnsemble.fit({ features: unlabelled, labels }, context);
    expect(detector.choice).toMatch(
      /^coordinates by how well held-back rows stand out from rows with swapped cells: nearest-neigh/,
    );
    expect(separation(detector.score(normals), detector.score(frauds))).toBe(1);
    const believed = await densityEnsemble.fit({ features: unlabelled, labels: new Uint8Array(200) }, context);
    expect(separation(believed.score(normals), believed.score(frauds))).toBeLessThan(0.99);
  });

  it('scores about as many fresh rows beyond p = 5 % as there should be', async () => {
    const detector = await densityEnsemble.fit({ features: draw(400, 0, 4), labels: new Uint8Array(400) }, context);
    const beyond = detector.score(draw(1000, 0, 5)).filter((nats) => nats > -Math.log(0.05)).length / 1000;
    // A harmonic mean p-value is not quite uniform; at 5 % and four members that depend on each other it is close (Wilson 2019).
    expect(beyond).toBeGreaterThan(0.015);
    expect(beyond).toBeLessThan(0.1);
  });
});
