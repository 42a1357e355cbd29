import { z } from 'zod';

/** How a model is rehearsed against injected attacks. Changing any of it makes other attacks: compare only what is alike. */
export const RehearsalSettingsSchema = z.strictObject({
  /** 0: hardly different from ordinary payments; 1: as blatant as it gets. */
  strengths: z.array(z.number().min(0).max(1)).min(1).max(10).default([0.3, 0.6, 1]),
  /** Attacks of each scenario at each strength; the widest 95 % interval of 12 is ±27 points. */
  attacks: z.number().int().min(1).max(500).default(12),
  /** Ordinary payments injected as a control, over all passes. */
  ordinary: z.number().int().min(0).max(100_000).default(1_000),
  /** At most this share of the customers is attacked in one replay of the slice. */
  customersShareMax: z.number().gt(0).max(1).default(0.25),
  /** Replays of the slice at most; attacks that find no room in them are left out, and counted. */
  passesMax: z.number().int().min(1).max(100).default(20),
  seed: z.number().int().min(0).default(1),
});
export type RehearsalSettings = z.infer<typeof RehearsalSettingsSchema>;
