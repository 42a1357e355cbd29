import { type FeatureMatrix, selectRows } from '../../src/domain/feature-matrix.js';
import { attribute } from '../../src/models/attribution.js';
import type { Detector, Estimator, Terms } from '../../src/models/detector.js';
import { type Clause, ensure, fitOnce, fitPurchases, namesFor, stack } from './fits.js';
import { drawPurchases } from './worlds.js';

const ROWS = 20;

/** Anomalies in one field each: the amount a hundred times too large, the speed six deviations off, an hour that does not exist. */
const PLANTS: readonly ((cell: number) => number)[] = [(amount) => 100 * amount, (speed) => speed + 6, () => 50];
/** The hour: nothing depends on it. */
const INDEPENDENT = 2;

const planted = (rows: FeatureMatrix, column: number): FeatureMatrix => {
  const width = rows.columns.length;
  return { ...rows, values: rows.values.map((cell, at) => (at % width === column ? PLANTS[column]!(cell) : cell)) };
};

/** What labels do not show a supervised detector need not see: its labelled anomalies are planted in one field each as well. */
const fitPlanted = (estimator: Estimator): Promise<Detector> =>
  !estimator.supervised
    ? fitPurchases(estimator)
    : fitOnce(estimator, 'planted', () => {
        const names = namesFor(estimator);
        const normal = drawPurchases(1200, 1, names);
        const anomalies = PLANTS.map((_, column) => planted(drawPurchases(60, 20 + column, names), column));
        const features = anomalies.reduce(stack, normal);
        return { features, labels: Uint8Array.from({ length: features.rowCount }, (_, r) => (r < 1200 ? 0 : 1)) };
      });

/** The terms that explanations show: the detector's own, else Shapley values against ordinary rows. */
const termsOf = (detector: Detector, background: FeatureMatrix, features: FeatureMatrix): Terms =>
  detector.terms?.(features) ?? attribute((rows) => detector.score(rows), background, features);

const largestTerm = ({ columns, values }: Terms, row: number, width: number): string => {
  let best = 0;
  for (let c = 0; c < Math.min(width, columns.length); c += 1)
    if (values[row * columns.length + c]! > values[row * columns.length + best]!) best = c;
  return columns[best]!;
};

/**
 * Of planted anomalies that the detector sees (score above 99 % of ordinary rows) at least 95 % are named first, and equal rows
 * have equal terms. A density with exact terms explains by the chain rule, where a column answers for what surprises given those
 * before it: an odd value shows again in every later column that depends on it. So it is asked about a column that
 * nothing depends on.
 */
export const namesThePlantedField: Clause = async (estimator) => {
  const detector = await fitPlanted(estimator);
  const names = namesFor(estimator);
  const background = drawPurchases(16, 6, names);
  const ordinary = detector.score(drawPurchases(500, 3, names)).sort();
  const isChain = estimator.likelihood === 'exact' && detector.terms !== undefined;
  let [seen, named] = [0, 0];
  PLANTS.forEach((_, column) => {
    if (isChain && column !== INDEPENDENT) return;
    const rows = planted(drawPurchases(ROWS, 5, names), column);
    const width = rows.columns.length;
    const scores = detector.score(rows);
    const visible = [...scores.keys()].filter((r) => scores[r]! > ordinary[495]!);
    // What a detector hardly sees, by chance alone, it need not explain.
    if (visible.length < ROWS / 2) return;
    const terms = termsOf(detector, background, selectRows(rows, visible));
    seen += visible.length;
    named += visible.filter((_, i) => largestTerm(terms, i, width) === rows.columns[column]!.name).length;
  });
  ensure(seen > 0, () => 'sees none of the planted anomalies');
  ensure(named >= 0.95 * seen, () => `names the planted field first in ${named} of ${seen} rows; expected at least 95 %`);
  const one = drawPurchases(1, 8, { anomalous: true, ...names });
  const twice = termsOf(detector, background, stack(one, one));
  const half = twice.values.length / 2;
  ensure(
    twice.values.subarray(0, half).every((value, at) => Object.is(value, twice.values[half + at])),
    () => 'two equal rows have different terms',
  );
};
