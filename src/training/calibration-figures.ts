import { createRandom } from '../domain/random.js';
import { fitScoreCalibration, minusLog10P } from '../models/conformal.js';
import { fitPlatt, plattProbability } from '../models/platt.js';
import { calibrationError } from './evaluate.js';

/** Alerts are raised here; above it tied scores of discrete detectors make p-values large, which harms nobody. */
const STATED_MAX = 0.1;

/** Which judged rows are the reference window, and which are checked against it. */
export interface CalibrationHalves {
  readonly reference: Uint32Array;
  readonly checked: Uint32Array;
}

/** Figures of a half without a legitimate row are NaN: nothing is known of them. */
export interface CalibrationFigures {
  /** The calibration error: largest distance between stated and achieved false-alarm rate, of stated rates up to 10 %. */
  readonly error: number;
  /** Share of checked legitimate rows with a p-value of at most 1 % and 5 %: what a stated rate really gives. */
  readonly achievedAtOnePercent: number;
  readonly achievedAtFivePercent: number;
  /** Expected calibration error of Platt's probabilities; null for detectors without labels or halves without both classes. */
  readonly probabilityError: number | null;
  /** p-values of the checked legitimate rows, rising. */
  readonly pValues: Float64Array;
}

/**
 * Halves of the judged rows, which no detector was fitted on. In time order the earlier half calibrates and the later one is
 * checked, as in service, so that drift shows; elsewhere the halves are drawn (the same for every detector).
 */
export const calibrationHalves = (rowCount: number, isOrdered: boolean): CalibrationHalves => {
  const random = createRandom(0).fork('calibration');
  const middle = Math.floor(rowCount / 2);
  const isReference = (row: number): boolean => (isOrdered ? row < middle : random.uniform() < 0.5);
  const reference: number[] = [];
  const checked: number[] = [];
  for (let row = 0; row < rowCount; row += 1) (isReference(row) ? reference : checked).push(row);
  return { reference: Uint32Array.from(reference), checked: Uint32Array.from(checked) };
};

/**
 * What the calibration error of a perfect detector stays below, about 19 times in 20: the difference of two empirical
 * distributions is a Brownian bridge, and on so short a part of it nearly a Brownian motion (reflection principle, z = 2.24).
 * Null where a half has no legitimate row: then there is no calibration error.
 */
export const calibrationNoise = (labels: Uint8Array, { reference, checked }: CalibrationHalves): number | null => {
  const legitimate = (rows: Uint32Array): number => rows.filter((row) => labels[row] === 0).length;
  const inverses = 1 / legitimate(reference) + 1 / legitimate(checked);
  return inverses === Infinity ? null : 2.24 * Math.sqrt(STATED_MAX * (1 - STATED_MAX) * inverses);
};

/**
 * Conformal p-values of the checked legitimate rows by the reference's legitimate rows.
 *
 * @param learnsLabels whether its score is to be turned into a fraud probability as well
 * @throws RangeError when a legitimate row's score is not finite
 */
export const calibrationFigures = (
  labels: Uint8Array,
  scores: Float64Array,
  { reference, checked }: CalibrationHalves,
  learnsLabels: boolean,
): CalibrationFigures => {
  const legitimate = (rows: Uint32Array): Float64Array =>
    Float64Array.from(
      rows.filter((row) => labels[row] === 0),
      (row) => scores[row]!,
    );
  const window = legitimate(reference);
  const calibration = window.length === 0 ? null : fitScoreCalibration(window);
  const pValues = calibration
    ? legitimate(checked)
        .map((score) => 10 ** -minusLog10P(calibration, score))
        .sort()
    : new Float64Array();
  const achieved = (nominal: number): number => pValues.filter((p) => p <= nominal).length / pValues.length;
  return {
    error: uniformDistance(pValues, STATED_MAX),
    achievedAtOnePercent: achieved(0.01),
    achievedAtFivePercent: achieved(0.05),
    probabilityError: learnsLabels ? probabilityError(labels, scores, reference, checked) : null,
    pValues,
  };
};

/** sup |F(p) - p| over p up to `end`, of rising p-values; NaN for none. */
const uniformDistance = (pValues: Float64Array, end: number): number => {
  const n = pValues.length;
  const below = pValues.filter((p) => p <= end);
  let distance = n === 0 ? NaN : Math.abs(below.length / n - end);
  below.forEach((p, i) => {
    distance = Math.max(distance, (i + 1) / n - p, p - i / n);
  });
  return distance;
};

const probabilityError = (
  labels: Uint8Array,
  scores: Float64Array,
  reference: Uint32Array,
  checked: Uint32Array,
): number | null => {
  const labelsOf = (rows: Uint32Array): Uint8Array => Uint8Array.from(rows, (row) => labels[row]!);
  const known = labelsOf(reference);
  if (!known.includes(1) || !known.includes(0) || checked.length === 0) return null;
  const platt = fitPlatt(
    Float64Array.from(reference, (row) => scores[row]!),
    known,
  );
  const probabilities = Float64Array.from(checked, (row) => plattProbability(platt, scores[row]!));
  return calibrationError(labelsOf(checked), probabilities);
};
