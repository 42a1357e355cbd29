import type { DataSource } from 'typeorm';
import { newestRowsFrom, storedRows, storedSpan } from './store/history-bounds.js';
import { judgedFromMs } from './training/judged-from.js';

/** `judgedFromMs` of the stored history. */
export const storedJudgedFromMs = async (dataSource: DataSource, given: Parameters<typeof judgedFromMs>[1]): Promise<number> => {
  const { firstMs } = (await storedSpan(dataSource)) ?? { firstMs: given.asOfMs };
  const borderOf = async (toMs: number, share: number): Promise<number> =>
    (await newestRowsFrom(dataSource, toMs, Math.floor(share * (await storedRows(dataSource, toMs))))) ?? firstMs;
  return judgedFromMs({ firstMs, borderOf }, given);
};
