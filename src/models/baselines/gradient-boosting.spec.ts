import { featureMatrix, numericColumn, type FeatureColumn } from '../../domain/feature-matrix.js';
import { createRandom } from '../../domain/random.js';
import type { Detector, FitContext } from '../detector.js';
import { gradientBoosting } from './gradient-boosting.js';

const ROWS = 1500;
const colours: FeatureColumn = {
  name: 'colour',
  field: 'colour',
  kind: 'categorical',
  levels: ['red', 'green', 'blue'],
  risk: 'both',
};
const random = createRandom(5);
/** Fraud where a is missing or above 1, or where the colour is blue. */
const cells = Array.from({ length: ROWS }, () => [
  random.uniform() < 0.2 ? NaN : random.normal(),
  random.normal(),
  random.integer(3),
]);
const labels = Uint8Array.from(cells, ([a, , colour]) => (Number.isNaN(a) || a! > 1 || colour === 2 ? 1 : 0));
const table = (rows: readonly (readonly number[])[]) =>
  featureMatrix([numericColumn('a'), numericColumn('b'), colours], Float32Array.from(rows.flat()));
const features = table(cells);

const fit = (parameters: Record<string, unknown>, rows = features): Promise<Detector> =>
  gradientBoosting.fit({ features: rows, labels }, { random: createRandom(1), parameters } as unknown as FitContext);
const loss = (detector: Detector, rows = features): number =>
  detector.score(rows).reduce((sum, score, r) => sum + Math.log1p(Math.exp(labels[r] === 1 ? -score : score)), 0) / ROWS;

describe('gradient boosting', () => {
  it('starts at the log-odds of fraud, and every tree on all rows and columns lowers the loss', async () => {
    const share = labels.reduce((sum, y) => sum + y, 0) / ROWS;
    let before = -share * Math.log(share) - (1 - share) * Math.log(1 - share);
    for (const trees of [1, 2, 4, 8, 16]) {
      const next = loss(await fit({ trees, rowShare: 1, columnShare: 1 }));
      expect(next).toBeLessThan(before);
      before = next;
    }
  });

  it('gives missing cells the side that they belong to, and one level its own', async () => {
    const score = (await fit({})).score(
      table([
        [NaN, 0, 0],
        [2, 0, 0],
        [0, 0, 2],
        [0, 0, 0],
        [-9, 0, 1],
      ]),
    );
    const [missing, high, blue, ...ordinary] = score;
    for (const fraud of [missing, high, blue]) expect(fraud).toBeGreaterThan(2);
    for (const normal of ordinary) expect(normal).toBeLessThan(-2);
  });

  it('has terms that name the column, and next to none for noise', async () => {
    const { columns, values } = (await fit({})).terms!(table([[3, 0, 0]]));
    const [a, b, colour] = values;
    expect(columns).toEqual(['a', 'b', 'colour', 'baseline']);
    expect(a).toBeGreaterThan(2 * Math.abs(colour!));
    expect(a).toBeGreaterThan(10 * Math.abs(b!));
  });

  it('explains alike after it was stored, and without covers, as stored before, still so that the terms add up', async () => {
    const detector = await fit({});
    const artifact = detector.save();
    const context = { backend: {} } as unknown as FitContext;
    expect(gradientBoosting.load(artifact, context).terms!(features)).toEqual(detector.terms!(features));
    const { covers: _, ...arrays } = artifact.arrays;
    const before = gradientBoosting.load({ ...artifact, arrays }, context);
    const { values } = before.terms!(features);
    before.score(features).forEach((score, r) => {
      const sum = values.subarray(4 * r, 4 * r + 4).reduce((a, b) => a + b, 0);
      expect(sum).toBeCloseTo(score, 9);
    });
  });

  it('stops early where nothing is to be learned', async () => {
    const noise = table(cells.map(() => [random.normal(), random.normal(), random.integer(3)]));
    const trees = async (parameters: Record<string, unknown>): Promise<number> =>
      (await fit({ learningRate: 0.3, ...parameters }, noise)).save().arrays['roots']!.length - 1;
    expect(await trees({})).toBe(200);
    expect(await trees({ validationShare: 0.3, patience: 10 })).toBeLessThan(40);
  });
});
