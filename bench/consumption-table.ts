import type { Consumption } from './consumption.js';

type Always = 'rowsPerSecond' | 'nodeUsPerRow' | 'postgresUsPerRow' | 'seconds' | 'load';

/** A consumption, or something else that is measured in rows and CPU but has no warm-up. */
export type MeasuredConsumption = Pick<Consumption, Always> & Partial<Consumption> & { readonly name: string };

export const CONSUMPTION_COLUMNS = [
  'best of each',
  'rows/s',
  'Node us/row',
  'Postgres us/row',
  'WAL bytes/row',
  'seconds',
  'rows/s of the warm-up',
  'start s',
  'load',
];

const fixed = (value: number | null | undefined, digits = 1): string =>
  value === null || value === undefined ? '-' : value.toFixed(digits);

export const consumptionCells = (each: MeasuredConsumption): string[] => [
  each.name,
  each.rowsPerSecond.toFixed(0),
  fixed(each.nodeUsPerRow),
  fixed(each.postgresUsPerRow),
  fixed(each.walBytesPerRow, 0),
  each.seconds.toFixed(1),
  each.warmUpRows === undefined ? '-' : fixed(each.warmUpRows / each.warmUpSeconds!, 0),
  fixed(each.startSeconds),
  each.load.toFixed(1),
];
