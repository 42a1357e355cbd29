import type { Calibration } from '../domain/calibration.js';
import { isPriorModel, type ModelVersion } from '../domain/model-version.js';
import { DAY_MS, isoMinute } from '../domain/time.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { MARKOV_DAYS, labelDelayMs } from '../features/plan.js';

/**
 * Whether a model has seen the rows that it is judged on. Detectors are fitted on rows before the report's `trainToMs`, the scale
 * of probabilities and the first calibration on those from there on.
 *
 * @param first the first calibration that was stored of the model: of a version from a file it alone says where the rows ended
 */
export const learnedNotes = (model: ModelVersion, first: Calibration | null, fromMs: number): string[] => {
  if (isPriorModel(model)) return [];
  const { version, report, origin } = model;
  const fittedToMs = report['trainToMs'];
  const scaledToMs = origin?.dataToMs ?? (first && !first.isProvisional ? first.validFromDay * DAY_MS : null);
  if (typeof fittedToMs === 'number' && fromMs < fittedToMs)
    return [
      `judged on its own training rows: the span begins at ${isoMinute(fromMs)}, and ${version} was fitted on rows up to ` +
        `${isoMinute(fittedToMs)}; figures of these rows promise too much`,
    ];
  if (scaledToMs !== null && fromMs < scaledToMs)
    return [
      `judged on rows of its own calibration: the span begins at ${isoMinute(fromMs)}, and the scale and the first calibration of ` +
        `${version} were made of rows up to ${isoMinute(scaledToMs)}`,
    ];
  if (typeof fittedToMs !== 'number' && scaledToMs === null)
    return [`nothing says up to when ${version} was fitted: it may be judged on its own training rows`];
  return [];
};

/** What features miss of the days before the stored history. */
export const memoryNotes = (schema: TransactionSchema, rememberFromMs: number, fromMs: number): string[] => {
  if (schema.entities.length === 0) return [];
  const lookBackDays = MARKOV_DAYS + labelDelayMs(schema) / DAY_MS;
  const days = (fromMs - rememberFromMs) / DAY_MS;
  if (days >= lookBackDays) return [];
  const begins = days < 0.1 ? 'nothing is stored of the days' : `the stored history begins ${days.toFixed(1)} days`;
  return [
    `${begins} before --from, features look back on up to ${lookBackDays}: what a service knew of earlier days ` +
      '(the memory of a model that was promoted from a folder) is not in these figures',
  ];
};
