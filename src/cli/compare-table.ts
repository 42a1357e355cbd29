import { textTable } from './command-io.js';
import type { Likelihood } from '../models/detector.js';
import type { ComparedDetector, CompareResult } from '../training/compare-detectors.js';

/** A figure that these rows cannot give is a dash. */
export const fixed = (value: number, digits: number): string => (Number.isNaN(value) ? '–' : value.toFixed(digits));
export const percent = (share: number): string => (Number.isNaN(share) ? '–' : `${(100 * share).toFixed(share < 0.1 ? 2 : 1)} %`);
/** A share that somebody chose: as it was written. */
export const chosenPercent = (share: number): string => `${Number((100 * share).toPrecision(6))} %`;
export const seconds = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} s`;
export const size = (bytes: number): string =>
  bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
export const likelihoodWords = (likelihood: Likelihood): string => likelihood.replace('-', ' ');

/** The comparison as the terminal shows it. */
export const compareTable = (result: CompareResult): string => {
  const { protocol, trainRows, trainFrauds, testRows, testFrauds, budget, calibrationNoise, detectors, leftOut } = result;
  const isSupervised = detectors.some(({ mean }) => mean.probabilityError !== null);
  const rows = detectors.map(({ name, mean, likelihood }) => [
    name,
    mean.auroc.toFixed(4),
    mean.auprc.toFixed(4),
    percent(mean.precisionAtBudget),
    fixed(mean.calibrationError, 3),
    percent(mean.achievedAtOnePercent),
    ...(isSupervised ? [mean.probabilityError?.toFixed(4) ?? '–'] : []),
    seconds(mean.fitSeconds),
    Math.round(mean.scoreRowsPerSecond).toString(),
    size(mean.artifactBytes),
    likelihoodWords(likelihood),
  ]);
  const ofBudget = `precision at ${chosenPercent(budget)}`;
  const probability = isSupervised ? ['error of P(fraud)'] : [];
  const header = ['detector', 'AUROC', 'AUPRC', ofBudget, 'calibration error', 'alerts at 1 %', ...probability];
  return [
    textTable([...header, 'fit', 'rows/s', 'size', 'likelihood'], rows),
    leftOut.length === 0 ? '' : `left out:\n${leftOut.map(({ name, reason }) => `  ${name}: ${reason}\n`).join('')}`,
    `${protocol}: ${trainRows} training rows with ${trainFrauds} frauds; judged on ${testRows} rows with ${testFrauds} frauds; `,
    `${noiseWords(calibrationNoise)}\n`,
  ].join('');
};

export const noiseWords = (noise: number | null): string =>
  noise === null
    ? 'no calibration error: one half of the judged rows, which calibrates or is checked, has no legitimate row'
    : `calibration errors below ${noise.toFixed(3)} are noise`;

/** Columns of the CSV: the same figures, and their spread over the seeds. */
export const COMPARE_COLUMNS = [
  'detector', 'family', 'likelihood', 'learns_labels', 'auroc', 'auroc_sd', 'auprc', 'auprc_sd', 'precision_at_budget',
  'recall_at_budget', 'calibration_error', 'achieved_at_1_percent', 'achieved_at_5_percent', 'probability_error',
  'fit_seconds', 'score_rows_per_second', 'artifact_bytes', 'left_out',
] as const; // prettier-ignore

export const compareRows = ({ detectors, leftOut }: CompareResult): readonly (readonly (string | number)[])[] => [
  ...detectors.map(csvRow),
  ...leftOut.map(({ name, reason }) => [name, ...COMPARE_COLUMNS.slice(2).map(() => ''), reason]),
];

const csvRow = ({ name, family, likelihood, learnsLabels, seeds, mean }: ComparedDetector): readonly (string | number)[] =>
  [
    name,
    family,
    likelihood,
    learnsLabels ? 1 : 0,
    mean.auroc,
    spread(seeds.map((s) => s.auroc)),
    mean.auprc,
    spread(seeds.map((s) => s.auprc)),
    mean.precisionAtBudget,
    mean.recallAtBudget,
    mean.calibrationError,
    mean.achievedAtOnePercent,
    mean.achievedAtFivePercent,
    mean.probabilityError ?? '',
    mean.fitSeconds,
    mean.scoreRowsPerSecond,
    mean.artifactBytes,
    '',
  ].map((cell) => (Number.isNaN(cell) ? '' : cell));

/** Standard deviation over the seeds; empty for one seed. */
const spread = (values: readonly number[]): number | '' => {
  if (values.length < 2) return '';
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
};
