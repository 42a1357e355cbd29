import { DAY_MS } from '../domain/time.js';

/** Where rows of a history lie in time. */
export interface HistoryShape {
  /** Event time of the first row. */
  readonly firstMs: number;
  /** Event time after which this share of the rows before `toMs` lies. */
  readonly borderOf: (toMs: number, share: number) => Promise<number> | number;
}

/**
 * Where the rows begin that candidate and champion are judged on: `judgeDays` before the newest row whose label has matured. Of a
 * history too young for that, in which more than half would be judged: the last quarter of the rows whose label has matured
 * and all after them; where that is still more than half, the last quarter of all rows.
 */
export const judgedFromMs = async (
  { firstMs, borderOf }: HistoryShape,
  { asOfMs, delayMs, judgeDays }: { readonly asOfMs: number; readonly delayMs: number; readonly judgeDays: number },
): Promise<number> => {
  const maturedMs = asOfMs - delayMs;
  const usualMs = maturedMs - judgeDays * DAY_MS;
  if (usualMs - firstMs >= asOfMs - usualMs) return usualMs;
  const halfMs = await borderOf(asOfMs, 1 / 2);
  const ofMatured = maturedMs > firstMs ? await borderOf(maturedMs, 1 / 4) : firstMs;
  return ofMatured >= halfMs ? ofMatured : borderOf(asOfMs, 1 / 4);
};
