import { z } from 'zod';

/** S supervised, T directional tails, H Markov filter on delayed labels, D density. */
export const CHANNELS = ['S', 'T', 'H', 'D'] as const;
export type Channel = (typeof CHANNELS)[number];

const weight = z.number().min(0).max(1);

/**
 * `config/policy.yaml`: what is alerted on.
 *
 * - `ranking.kind = lanes`: F = max over channels of log(weight / p): every channel has a part of the budget of its own.
 * - `ranking.kind = harmonic`: F = log(sum of weight / p): one fused number (weighted harmonic mean p-value).
 * F is calibrated by its own window; a weight of 0 leaves a channel out.
 */
export const PolicySchema = z.strictObject({
  version: z.string().min(1).max(80),
  budget: z.strictObject({
    /** Share of all traffic that may be alerted on. */
    share: z.number().gt(0).max(0.5),
    /** Alerts a day, at most; taken as a share of the forecast volume: min(share, count / forecast). */
    countPerDay: z.number().int().positive().optional(),
    /** Stated false-alarm rate: alert only where the conformal p-value of F is at most this. */
    errorRate: z.number().gt(0).max(0.5).optional(),
  }),
  ranking: z
    .strictObject({
      kind: z.enum(['lanes', 'harmonic']),
      weights: z.strictObject({ S: weight, T: weight, H: weight, D: weight }),
    })
    .refine((r) => Object.values(r.weights).some((w) => w > 0), 'at least one weight must be above 0'),
  /** An alert whose p-value of F is at or below this share of the budget's level is declined instead of reviewed. */
  declineBelow: z.number().min(0).max(1),
  /** Step of the daily adaptive correction of the level (Gibbs & Candès 2021); models.md section 5 uses 0.3. */
  adaptiveStep: z.number().min(0).max(1).default(0.3),
  /** Days of past traffic in a calibration window. */
  windowDays: z.number().int().min(1).max(60).default(7),
});
export type Policy = z.infer<typeof PolicySchema>;

export type Outcome = 'approve' | 'review' | 'decline';
/** Which limit bound: the statement that made the threshold what it was. */
export type Bound = 'budget-share' | 'budget-count' | 'error-rate';

export interface Decision {
  readonly outcome: Outcome;
  readonly bound: Bound;
  /** The channel that raised it (largest term of F); null when approved. */
  readonly lane: Channel | null;
  /** The level a that -log10 p of F was compared with, as -log10 a. */
  readonly thresholdMinusLog10P: number;
}
