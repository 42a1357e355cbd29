import { z } from 'zod';
import { FRAUD_SCENARIOS } from '../synthetic/fraud-patterns.js';

const share = z.number().min(0).max(1);
const ratio = z.number().gt(0).max(1000);
const scenarios = new Set(FRAUD_SCENARIOS.map(({ name }) => name));

/**
 * What a candidate must show before it decides anything: docs/gate.md says how every figure is made. A difference is "sure"
 * where its whole interval lies beyond the limit, "possible" where a part of it does.
 */
export const GateSettingsSchema = z.strictObject({
  /** A person must agree before a candidate that passed takes over. */
  approvalRequired: z.boolean().default(false),
  /** Draws of primary entities with replacement, for every interval. */
  resamples: z.number().int().min(200).max(20_000).default(2_000),
  /**
   * Of every two-sided interval that is shown. A loss against the champion is sure by an interval that is divided among all
   * comparisons (Bonferroni): of equally good candidates, 1 - confidence at most are rejected for noise, by whichever.
   */
  confidence: z.number().min(0.5).max(0.999).default(0.95),
  seed: z.number().int().min(0).default(1),
  /** With fewer matured frauds, or none legitimate, nothing that needs labels is judged: shadow at best. */
  maturedFraudsMin: z.number().int().min(1).default(20),
  /** So many primary entities with a matured fraud, of the slice and of each segment or part of the days that is judged apart. */
  fraudEntitiesMin: z.number().int().min(2).default(10),
  averagePrecision: z
    .strictObject({
      /** At least so many times that of a random ranking, which is the share of frauds; less rejects, with or without a champion. */
      liftMin: ratio.default(2),
      /** A loss against the champion that is surely larger rejects. */
      lossSureMax: share.default(0.01),
      /** A loss that is possibly larger lets it run in shadow only. */
      lossPossibleMax: share.default(0.1),
    })
    .prefault({}),
  /** Card precision at the budget, as a share of what a perfect ranking would have. */
  cardPrecision: z.strictObject({ lossSureMax: share.default(0.01), lossPossibleMax: share.default(0.15) }).prefault({}),
  /** Expected calibration error of the fraud probability, in shares of the rate of fraud. */
  calibration: z
    .strictObject({
      /** An error that is surely larger rejects. */
      errorMax: ratio.default(1),
      /** An error that is surely larger than the champion's by more lets it run in shadow only. */
      worseMax: ratio.default(0.5),
    })
    .prefault({}),
  /** In shares of the alert budget. */
  alerts: z
    .strictObject({
      /** Surely more alerts than this reject. */
      volumeMax: ratio.default(2),
      /** Surely more than this, or surely fewer than the next, let it run in shadow only. */
      volumeUsualMax: ratio.default(1.5),
      volumeUsualMin: share.default(0.5),
      /** Alerts on matured legitimate rows; surely more reject. */
      falseAlarmsMax: ratio.default(1.5),
      /** Alerts of any one day; surely more let it run in shadow only. */
      dayVolumeMax: ratio.default(4),
    })
    .prefault({}),
  segments: z
    .strictObject({
      /** A loss of average precision or of caught frauds in any segment that is surely larger rejects. */
      lossSureMax: share.default(0.05),
    })
    .prefault({}),
  /** The slice in so many parts of as many days each. */
  days: z
    .strictObject({
      parts: z.number().int().min(1).max(20).default(3),
      /** A loss of average precision against the champion in any part that is surely larger rejects. */
      lossSureMax: share.default(0.05),
    })
    .prefault({}),
  scoring: z
    .strictObject({
      /** More rejects. */
      microsecondsPerRowMax: ratio.default(1000),
      artifactBytesMax: z
        .number()
        .int()
        .positive()
        .default(64 * 1024 * 1024),
      /** Slower than the champion by more lets it run in shadow only. */
      slowerMax: ratio.default(3),
    })
    .prefault({}),
  rehearsal: z
    .strictObject({
      /** Without a rehearsal: shadow at best. */
      isRequired: z.boolean().default(true),
      /** Mean detection power over the scenarios at the greatest strength; surely less rejects. */
      powerMin: share.default(0.3),
      /** Detection power of one scenario at the greatest strength; surely less rejects. */
      scenarioPowerMin: z
        .record(
          z.string().refine((name) => scenarios.has(name), `expected one of ${[...scenarios].join(', ')}`),
          share,
        )
        .default({}),
      /** A loss of detection power against the champion in any scenario, over all strengths, that is surely larger rejects. */
      lossSureMax: share.default(0.05),
      /** Alerts on injected ordinary payments, in shares of the budget; surely more: injecting itself is what was noticed, shadow at best. */
      controlMax: ratio.default(2),
    })
    .prefault({}),
});
export type GateSettings = z.infer<typeof GateSettingsSchema>;
