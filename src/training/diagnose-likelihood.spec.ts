import { featureMatrix, numericColumn } from '../domain/feature-matrix.js';
import { createRandom, type Random } from '../domain/random.js';
import { gaussianMixture } from '../models/density/gaussian-mixture.js';
import { nearestNeighbours } from '../models/baselines/nearest-neighbours.js';
import { createSimdBackend } from '../tensor/simd.js';
import { diagnoseLikelihood, type DiagnoseInput, type Diagnosis } from './diagnose-likelihood.js';
import { findingsOf } from './diagnosis-findings.js';

type Row = readonly number[];
const NORMALS = 1000;

/** Rows of both classes; the first half of the normal ones trains. */
const inputOf = (normals: readonly Row[], anomalies: readonly Row[], isLabelled: boolean): DiagnoseInput => {
  const rows = [...normals, ...anomalies];
  const width = rows[0]!.length;
  const half = normals.length / 2;
  return {
    features: featureMatrix(
      Array.from({ length: width }, (_, c) => numericColumn(`x${c}`)),
      Float32Array.from(rows.flat()),
    ),
    labels: isLabelled ? Uint8Array.from(rows, (_, i) => (i < normals.length ? 0 : 1)) : null,
    train: Uint32Array.from({ length: half }, (_, i) => i),
    checked: Uint32Array.from({ length: rows.length - half }, (_, i) => half + i),
    estimator: gaussianMixture,
    seed: 0,
    parameters: { 'gaussian-mixture': { componentsMax: 2, iterationsMax: 20 } },
  };
};
const diagnose = (input: DiagnoseInput): Promise<Diagnosis> =>
  diagnoseLikelihood(input, { backend: createSimdBackend(), now: () => 0 });
const drawn = (count: number, row: (random: Random) => Row, seed = 1): Row[] => {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => row(random));
};
const normal = (size: number) => (random: Random): Row => Array.from({ length: size }, () => random.normal()); // prettier-ignore
const trapsOf = (diagnosis: Diagnosis): string[] =>
  findingsOf(diagnosis).flatMap(({ trap, kind }) => (kind === 'trap' ? [trap] : []));

describe('likelihood diagnostics', () => {
  it.each([1, 2])('stay silent on clean data, world %i', async (seed) => {
    const normals = drawn(NORMALS, normal(5), seed);
    const anomalies = drawn(40, (random) => normal(5)(random).map((x) => 3 * x + 2), seed + 10);
    expect(findingsOf(await diagnose(inputOf(normals, anomalies, true)))).toEqual([]);
    expect(findingsOf(await diagnose(inputOf(normals, [], false)))).toEqual([]);
  });

  it('stay silent on correlated, skewed and heavy-tailed clean columns', async () => {
    const row = (random: Random): Row => {
      const [a, b, c] = [random.normal(), random.normal(), random.normal()];
      return [Math.exp(a), a + b, c / Math.sqrt(random.uniform() + 0.05), Math.floor(4 * random.uniform())];
    };
    expect(trapsOf(await diagnose(inputOf(drawn(NORMALS, row), [], false)))).toEqual([]);
  });

  it('anomalies at the mode: too likely, without labels too; typicality finds them', async () => {
    // In ten dimensions hardly any normal row lies at the mode; the anomalies all do.
    const anomalies = drawn(60, (random) => normal(10)(random).map((x) => 0.05 * x));
    const input = inputOf(drawn(NORMALS, normal(10)), anomalies, true);
    const diagnosis = await diagnose(input);
    expect(diagnosis.variants!.likelihood!.auroc).toBeLessThan(0.1);
    expect(diagnosis.variants!.typicality!.auroc).toBeGreaterThan(0.9);
    expect(trapsOf(diagnosis)).toEqual(expect.arrayContaining(['inverted', 'too-likely', 'better-variant']));
    expect(findingsOf(diagnosis)[0]!.advice).toMatch(/typical surprisal/);
    const unlabelled = await diagnose({ ...input, labels: null });
    expect(trapsOf(unlabelled)).toEqual(['too-likely']);
    // 60 of 560 rows, and 1 % of the others.
    expect(unlabelled.typicality.tooLikely).toBeCloseTo(60 / 560 + 0.01, 1);
  });

  it('columns that say the same: named, and the alerts that hang on them counted', async () => {
    const copies = (x: number, random: Random): Row => [x, ...Array.from({ length: 11 }, () => x + 0.02 * random.normal())];
    const row = (random: Random): Row => [...copies(random.normal(), random), random.normal()];
    // Large in what all copies say, ordinary in the noise between them.
    const anomaly = (random: Random): Row => [...copies(2, random), random.normal()];
    const diagnosis = await diagnose(inputOf(drawn(NORMALS, row), drawn(40, anomaly), true));
    expect(diagnosis.redundancy.determined).toHaveLength(11);
    expect(diagnosis.redundancy.determined).not.toContain('x12');
    expect(diagnosis.redundancy.pairs).toHaveLength(66);
    expect(diagnosis.variants!.reduced!.auroc).toBeGreaterThan(diagnosis.variants!.likelihood!.auroc + 0.05);
    expect(trapsOf(diagnosis)).toEqual(expect.arrayContaining(['redundant', 'better-variant']));
  });

  it('one column that makes the surprisal', async () => {
    // Three coins and one column of real numbers.
    const row = (random: Random): Row => [random.normal(), ...Array.from({ length: 3 }, () => (random.uniform() < 0.5 ? 0 : 1))];
    const diagnosis = await diagnose(inputOf(drawn(NORMALS, row), [], false));
    expect(diagnosis.columns!.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
    expect(diagnosis.columns![0]!.column).toBe('x0');
    expect(trapsOf(diagnosis)).toEqual(['dominated']);
  });

  it('contaminated training rows: ordinary only because of their like', async () => {
    const contaminated = drawn(2 * NORMALS, (random) =>
      random.uniform() < 0.03 ? normal(4)(random).map((x) => 8 + 0.3 * x) : normal(4)(random),
    );
    const diagnosis = await diagnose({
      ...inputOf(contaminated, [], false),
      parameters: { 'gaussian-mixture': { transform: 'asinh' } },
    });
    expect(diagnosis.contamination.masked).toBeGreaterThan(0.01);
    expect(findingsOf(diagnosis).map(({ trap }) => trap)).toEqual(['contaminated']);
  });

  it('a density that memorises its rows', async () => {
    const memory = { ...nearestNeighbours, likelihood: 'exact' as const };
    const input = { ...inputOf(drawn(600, normal(8)), [], false), estimator: memory, parameters: {} };
    expect(trapsOf(await diagnose(input))).toContain('memorised');
  });

  it('constant columns and drift are notes', async () => {
    const row = (random: Random): Row => [...normal(3)(random), 7];
    const later = drawn(NORMALS / 2, (random) => [...normal(3)(random).map((x) => x + 1.5), 7], 2);
    const findings = findingsOf(await diagnose(inputOf([...drawn(NORMALS / 2, row), ...later], [], false)));
    expect(findings.map(({ trap, kind }) => [trap, kind])).toEqual([['drifted', 'note'], ['constant', 'note']]); // prettier-ignore
    expect(findings[1]!.sentence).toContain('x3');
  });

  it('refuses too few rows', async () => {
    await expect(diagnose(inputOf(drawn(100, normal(2)), [], false))).rejects.toThrow(/50 rows to learn from/);
  });
});
