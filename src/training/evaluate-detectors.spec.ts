import { featureMatrix, numericColumn, type FeatureMatrix } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import type { Detector, Estimator, TrainingData } from '../models/detector.js';
import { evaluateDetectors, splitRows, type EvaluateContext, type EvaluateInput, type Protocol } from './evaluate-detectors.js';

/** Scores by the first column; remembers what it was fitted on. */
const recorder = (supervised: boolean): { estimator: Estimator; seen: TrainingData[] } => {
  const seen: TrainingData[] = [];
  const estimator: Estimator = {
    name: supervised ? 'taught' : 'untaught',
    family: 'classic',
    likelihood: 'none',
    supervised,
    fit(data) {
      seen.push(data);
      const detector: Detector = {
        estimator: 'recorder',
        score: ({ values }: FeatureMatrix) => Float64Array.from(values),
        save: () => ({ estimator: 'recorder', meta: {}, arrays: {} }),
      };
      return Promise.resolve(detector);
    },
    load: () => {
      throw new Error('not loaded here');
    },
  };
  return { estimator, seen };
};

// Row i has the value i; every tenth is a fraud.
const rowCount = 100;
const labels = Uint8Array.from({ length: rowCount }, (_, i) => (i % 10 === 9 ? 1 : 0));
const features = featureMatrix(
  [numericColumn('x')],
  Float32Array.from({ length: rowCount }, (_, i) => i),
);
const inputOf = (
  protocol: Protocol,
  detectors: readonly Estimator[],
  split: Uint8Array | null = null,
  seeds = 1,
): EvaluateInput => ({
  protocol,
  features,
  labels,
  split,
  detectors,
  seeds,
  parameters: {},
});
let clock = 0;
const context = { now: () => (clock += 500) } as unknown as EvaluateContext;
const firstHalf = Uint8Array.from({ length: rowCount }, (_, i) => (i < 50 ? 1 : 0));

describe('evaluate', () => {
  it('one-class: fits on legitimate training rows, labelled as such, judges the test rows', async () => {
    const { estimator, seen } = recorder(false);
    const result = await evaluateDetectors(inputOf('one-class', [estimator], firstHalf, 3), context);
    expect(seen).toHaveLength(3);
    expect([...seen[0]!.labels!]).toEqual(Array(45).fill(0));
    expect([...seen[0]!.features.values]).toEqual(Array.from({ length: 50 }, (_, i) => i).filter((i) => i % 10 !== 9));
    expect(result).toMatchObject({ trainRows: 45, testRows: 50, testFrauds: 5 });
    expect([...result.judged]).toEqual(Array.from({ length: 50 }, (_, i) => 50 + i));
    expect(result.scores['untaught']![0]).toBe(50);
    // Frauds 59, 69, 79, 89, 99 among 50..99: above 9, 18, 27, 36 and 45 of 45.
    const [figures] = result.detectors;
    expect(figures!.mean.auroc).toBeCloseTo((9 + 18 + 27 + 36 + 45) / (5 * 45), 12);
    expect(figures!.seeds.map((s) => s.seed)).toEqual([0, 1, 2]);
    expect(figures!.seeds[0]).toMatchObject({ fitSeconds: 0.5, scoreRowsPerSecond: 100 });
  });

  it('unsupervised: fits on all training rows without labels; without a split on everything', async () => {
    const { estimator, seen } = recorder(false);
    await evaluateDetectors(inputOf('unsupervised', [estimator], firstHalf), context);
    const whole = await evaluateDetectors(inputOf('unsupervised', [estimator]), context);
    expect(seen.map((data) => [data.features.rowCount, data.labels])).toEqual([
      [50, undefined],
      [100, undefined],
    ]);
    expect(whole.testRows).toBe(100);
  });

  it('supervised: labels for those that learn from them, legitimate rows for the others; 60 % first', async () => {
    const taught = recorder(true);
    const untaught = recorder(false);
    const result = await evaluateDetectors(inputOf('supervised', [taught.estimator, untaught.estimator]), context);
    expect([...taught.seen[0]!.labels!]).toEqual([...labels.subarray(0, 60)]);
    expect([...untaught.seen[0]!.labels!]).toEqual(Array(54).fill(0));
    expect(untaught.seen[0]!.features.rowCount).toBe(54);
    expect(result.judged[0]).toBe(60);
  });

  it('one-class without a split holds back every fraud and about half of the legitimate rows, always the same', () => {
    const { train, test } = splitRows({ protocol: 'one-class', labels, split: null });
    expect(train.some((row) => labels[row] === 1)).toBe(false);
    expect(test.filter((row) => labels[row] === 1)).toHaveLength(10);
    expect(train.length + test.length).toBe(rowCount);
    expect(train.length).toBeGreaterThan(30);
    expect(train.length).toBeLessThan(60);
    expect(splitRows({ protocol: 'one-class', labels, split: null }).train).toEqual(train);
  });

  it('refuses parts that cannot be fitted or judged', async () => {
    const { estimator } = recorder(false);
    const only = (side: number) => new Uint8Array(rowCount).fill(side);
    await expect(evaluateDetectors(inputOf('one-class', [estimator], only(0)), context)).rejects.toThrow(
      /training part has no rows/,
    );
    await expect(evaluateDetectors(inputOf('one-class', [estimator], only(1)), context)).rejects.toThrow(/0 frauds in 0 rows/);
  });

  it('refuses a supervised training part of one class before anything is fitted, and names the columns', async () => {
    const { estimator, seen } = recorder(true);
    const untaught = recorder(false);
    const supervised = inputOf(
      'supervised',
      [untaught.estimator, estimator],
      labels.map((fraud, i) => (i < 60 && !fraud ? 1 : 0)),
    );
    const source = { label: 'is_fraud', split: 'part' };
    await expect(evaluateDetectors({ ...supervised, source }, context)).rejects.toThrow(
      /split column "part"\) has 0 frauds in 54 rows by label column "is_fraud"/,
    );
    const late = labels.map((label, i) => (i < 60 ? 1 : label));
    await expect(
      evaluateDetectors(
        { ...inputOf('supervised', [untaught.estimator]), labels: late, source: { ...source, split: null } },
        context,
      ),
    ).rejects.toThrow(/first 60 % of the rows.*60 frauds in 60 rows by label column "is_fraud"/);
    expect([...seen, ...untaught.seen]).toHaveLength(0);
  });

  it('gives each seed its own randomness', async () => {
    const draws: number[] = [];
    const { estimator } = recorder(false);
    const drawing: Estimator = {
      ...estimator,
      fit(data, fitContext) {
        draws.push(fitContext.random.uniform());
        return estimator.fit(data, fitContext);
      },
    };
    await evaluateDetectors(inputOf('one-class', [drawing], firstHalf, 2), context);
    expect(draws).toEqual([createRandom(0).uniform(), createRandom(1).uniform()]);
  });
});
