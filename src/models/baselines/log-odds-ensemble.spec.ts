import { featureMatrix, numericColumn, selectColumns, selectRows } from '../../domain/feature-matrix.js';
import { createRandom } from '../../domain/random.js';
import type { Detector, FitContext, TrainingData } from '../detector.js';
import { memberArtifacts } from '../nested-artifact.js';
import { estimators } from '../registry.js';
import { choiceOf, logOddsEnsemble } from './log-odds-ensemble.js';

const ROWS = 1500;
const LOG_ODDS_MAX = Math.log(0.9999 / 0.0001);
const few = { 'gradient-boosting': { trees: 60 }, 'ordered-boosting': { trees: 20, depth: 4 }, 'random-forest': { trees: 20 } };
const fit = (data: TrainingData, parameters: Record<string, unknown> = {}): Promise<Detector> =>
  logOddsEnsemble.fit(data, {
    random: createRandom(1),
    parameters: { memberParameters: few, ...parameters },
  } as unknown as FitContext);

/** Fraud by a rule of x and y; home says which of 60 customers it is. */
const drawWorld = (isFraud: (x: number, y: number, uniform: number) => boolean): Required<Omit<TrainingData, 'isSynthetic'>> => {
  const random = createRandom(7);
  const entities = Int32Array.from({ length: ROWS }, () => random.integer(60));
  const cells = Array.from(entities, (entity) => [random.normal(), random.normal(), entity * 1.5]);
  return {
    features: featureMatrix([numericColumn('x'), numericColumn('y'), numericColumn('home')], Float32Array.from(cells.flat())),
    labels: Uint8Array.from(cells, ([x, y]) => (isFraud(x!, y!, random.uniform()) ? 1 : 0)),
    entities,
  };
};
const probability = (score: number): number => 1 / (1 + Math.exp(-score));
/** A line in many rows' noise, which small trees only approximate; and a band, beyond which a line goes on rising. */
const line = drawWorld((x, y, uniform) => uniform < probability(1.5 * x + 1.5 * y - 1));
const band = drawWorld((x) => x > 0.2 && x < 0.8);
const withoutEntities = ({ features, labels }: TrainingData): TrainingData => ({ features, labels: labels! });

describe('log-odds ensemble', () => {
  it('is the mean of its members, each within 1e-4 of certainty', async () => {
    const detector = await fit(withoutEntities(band), { members: ['gradient-boosting', 'logistic-regression'] });
    const rows = selectRows(band.features, [...Array(50).keys()]);
    const members = Object.entries(memberArtifacts(detector.save())).map(([name, artifact]) =>
      estimators[name]!.load(artifact, {} as FitContext).score(rows),
    );
    expect(members).toHaveLength(2);
    detector.score(rows).forEach((score, r) => {
      const bound = members.map((scores) => Math.max(-LOG_ODDS_MAX, Math.min(LOG_ODDS_MAX, scores[r]!)));
      expect(score).toBeCloseTo((bound[0]! + bound[1]!) / 2, 10);
    });
  });

  it('takes the line in where rows of other entities rank better with it, and leaves it out where not', async () => {
    expect(choiceOf((await fit(withoutEntities(line))).save()).members).toContain('logistic-regression');
    const { members, reason } = choiceOf((await fit(withoutEntities(band))).save());
    expect(members).toEqual(['gradient-boosting', 'ordered-boosting', 'random-forest']);
    expect(reason).toMatch(/average precision on \d+ frauds of entities not fitted on; .*with logistic-regression [01]\.\d+/);
  });

  it('keeps columns that say who an entity is from its members', async () => {
    const detector = await fit(band);
    const { columns, reason } = choiceOf(detector.save());
    expect(columns).toEqual(['x', 'y']);
    expect(reason).toMatch(/^without home, which say who it is; /);
    const moved = { ...band.features, values: band.features.values.map((value, at) => (at % 3 === 2 ? -value : value)) };
    expect(detector.score(moved)).toEqual(detector.score(band.features));
    expect(detector.terms!(band.features).columns).toEqual(['x', 'y', 'baseline']);
    expect(() => detector.score(selectColumns(band.features, ['x']))).toThrow(/"y"/);
  });

  it('takes all members where there are too few frauds to choose on', async () => {
    const rare = drawWorld((x, _, uniform) => x > 1 && uniform < 0.1);
    const { members, style, reason } = choiceOf((await fit(rare)).save());
    expect(members).toHaveLength(4);
    expect(style).toBe('most');
    expect(reason).toMatch(/too few frauds to choose on: \d+$/);
  });

  it('shows trees few columns each where many copies of one signal hide another, most where two columns speak together', async () => {
    const random = createRandom(11);
    const draw = (
      cells: (entity: number) => number[],
      rule: (row: readonly number[]) => number,
      width: number,
    ): Required<Omit<TrainingData, 'isSynthetic'>> => {
      const entities = Int32Array.from({ length: ROWS }, (_, r) => r % 150);
      const rows = Array.from(entities, (entity) => cells(entity));
      return {
        features: featureMatrix(
          Array.from({ length: width }, (_, c) => numericColumn(`c${c}`)),
          Float32Array.from(rows.flat()),
        ),
        labels: Uint8Array.from(rows, (row) => (random.uniform() < rule(row) ? 1 : 0)),
        entities,
      };
    };
    const parity = draw(
      () => Array.from({ length: 9 }, () => random.normal()),
      (row) => (row[0]! > 0 === row[1]! > 0 && row[2]! > 0 ? 0.6 : 0.02),
      9,
    );
    expect(choiceOf((await fit(parity)).save()).style).toBe('most');
    const copies = draw(
      () => {
        const signal = random.normal();
        return Array.from({ length: 16 }, () => signal + 1.2 * random.normal());
      },
      (row) => probability(row.reduce((sum, x) => sum + x, 0) / 5 - 3),
      16,
    );
    expect(choiceOf((await fit(copies)).save()).style).toBe('few');
  });
});
