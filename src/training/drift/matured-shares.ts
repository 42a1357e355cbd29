import { z } from 'zod';
import { rowsByEntity } from './drift-day.js';
import { addEntity, emptyShares, ShareTableSchema, type ShareTable } from './share-table.js';

/** One event day of which every row's label delay has passed: its share of frauds. */
export const MaturedDaySchema = z.strictObject({ day: z.number().int(), table: ShareTableSchema });
export type MaturedDay = z.infer<typeof MaturedDaySchema>;

/**
 * Frauds among rows with a matured label.
 *
 * @param labels 1 fraud, 0 legitimate, -1 not known yet: left out
 */
export const matureShares = (entities: Int32Array, labels: Int8Array, chosen?: Uint32Array): ShareTable => {
  const rows = (chosen ?? Uint32Array.from(labels.keys())).filter((row) => labels[row]! >= 0);
  const table = emptyShares(1);
  for (const group of rowsByEntity(entities, rows)) {
    let frauds = 0;
    for (const row of group) frauds += labels[row]!;
    addEntity(table, group.length, [frauds]);
  }
  return table;
};

/** @param labels as `matureShares`; call it once the label delay of the day's last row has passed */
export const summariseLabels = (day: number, entities: Int32Array, labels: Int8Array): MaturedDay => ({
  day,
  table: matureShares(entities, labels),
});
