import { z } from 'zod';

const share = z.number().gt(0).max(1);

/**
 * `config/training.yaml`, key `drift`: when a change is large enough and certain enough to be told. Every alarm needs both:
 * evidence (chance and limits of false alarms) and effect (the `…Min` keys), so that a few rows raise none and neither does a
 * shift of millions of rows that changes nothing.
 */
export const DriftSettingsSchema = z.strictObject({
  /** Quantile bins of a numeric column; a value that many rows share gets a bin of its own besides. */
  bins: z.number().int().min(4).max(20).default(10),
  /** Levels of a categorical field that are compared one by one; the other known ones are compared together. */
  levels: z.number().int().min(1).max(50).default(20),
  /** Levels that count as known, the most frequent ones; an unlisted level is new. */
  knownLevels: z.number().int().min(1).max(2000).default(500),
  /** Expected false alarms in `perDays` days, over all columns, of features, and as many of fraud rate and performance. */
  falseAlarms: z
    .strictObject({ count: share.default(0.05), perDays: z.number().int().min(1).max(3650).default(60) })
    .prefault({}),
  /** Rows that a window needs to be judged. */
  rowsMin: z.number().int().min(1).default(500),
  /** Primary entities that its busiest day needs: of fewer, a few that come or go change the shares, which is no drift. */
  entitiesMin: z.number().int().min(1).default(100),
  /** Distance of two distributions of a numeric column (Kolmogorov-Smirnov, 0 to 1). */
  ksMin: share.default(0.08),
  /** Population stability index; 0.1 and 0.25 are the usual limits of moderate and large shifts (Siddiqi 2006). */
  psiMin: z.number().gt(0).default(0.1),
  /** Share of rows with a level that the training rows did not have, above what was to be expected. */
  newLevelShareMin: share.default(0.01),
  /** Change of the share of rows in which a field is missing. */
  missingChangeMin: share.default(0.02),
  /** Chance that the martingale of the scores ever alarms on a stream without drift: it alarms at 1 / level (Ville). */
  scoreLevel: share.max(0.5).default(0.01),
  /** Change of a day's mean p-value or of its share below 5 %, mean of a week. */
  scoreChangeMin: share.default(0.01),
  /** Matured weeks that fraud rate and performance are judged on. */
  labelWeeks: z.number().int().min(1).max(26).default(4),
  /** Fraud rate: new over old, or old over new. */
  fraudRateRatioMin: z.number().gt(1).default(1.5),
  /** Precision or recall lost, as a share of what the gate measured. */
  performanceLossMin: share.default(0.3),
  /** Confidence of the intervals of the report. Alarms follow `falseAlarms` instead. */
  confidence: z.number().min(0.5).max(0.999).default(0.95),
});
export type DriftSettings = z.infer<typeof DriftSettingsSchema>;

/** Evidence that one of `tests` must have on a day for the stated number of false alarms (Bonferroni over columns and days). */
export const testLevel = ({ falseAlarms }: DriftSettings, tests: number): number =>
  falseAlarms.count / (falseAlarms.perDays * Math.max(1, tests));
