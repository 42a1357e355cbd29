import { z } from 'zod';

/** What extra rows may come from; the last two are the references that a model of the frauds has to beat. */
export const GENERATORS = [
  'gaussian-mixture',
  'autoregressive',
  'flow',
  'vae',
  'diffusion',
  'gan',
  'smote',
  'duplicate',
] as const;
export type Generator = (typeof GENERATORS)[number];

/** How extra frauds are tried and when they are kept; docs/augmentation.md says it in words. */
export const AugmentSettingsSchema = z.strictObject({
  /** Tried in this order; none: training goes without, and the report says so. */
  generators: z.array(z.enum(GENERATORS)).max(GENERATORS.length).default(['gaussian-mixture', 'autoregressive', 'smote']),
  /** Extra frauds for each known one. Each costs `draws` fits a generator. */
  shares: z.array(z.number().positive().max(20)).min(1).max(4).default([1, 4]),
  /** With fewer frauds to learn from nothing is tried. */
  fraudsMin: z.int().min(10).max(1_000_000).default(50),
  /** With fewer compromised entities in either part of the validation slice nothing is tried. */
  judgedEntitiesMin: z.int().min(5).max(1_000_000).default(10),
  /** Share of the rows, the last ones, that judges; one half of its entities chooses, the other confirms. */
  validationShare: z.number().min(0.1).max(0.7).default(0.4),
  /** Rows that a classifier of the choice is fitted on, and rows that judge it: all frauds, and legitimate rows drawn. */
  rowsMax: z.int().min(100).max(1_000_000).default(20_000),
  /** Extra frauds at most, whatever the share; never more than there are real rows. */
  syntheticMax: z.int().min(1).max(1_000_000).default(20_000),
  /** Fits with and without, each with chance of its own: what one fit gains by luck must not be kept. */
  draws: z.int().min(1).max(10).default(3),
  /** Of the bootstrap over entities. */
  resamples: z.int().min(100).max(10_000).default(1000),
  /** Of the two-sided intervals: an addition without effect is kept in about (1 - confidence) / 2 of the runs. */
  confidence: z.number().min(0.5).max(0.999).default(0.95),
});
export type AugmentSettings = z.infer<typeof AugmentSettingsSchema>;
