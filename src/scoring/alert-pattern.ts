import type { Reason } from '../domain/alert.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { phraseOf } from './feature-words.js';

/** Reasons that weigh less than this share of the first one vary between alerts of one kind. */
const SHARE_MIN = 0.3;
const PARTS_MAX = 3;

/**
 * What alerts that are alike have in common: the heaviest reasons' fields and in which direction they are unusual, in
 * alphabetical order. A name instead of a distance: it is the same on every worker, needs no memory, and a person reads it.
 */
export const patternOf = (reasons: readonly Reason[], schema: TransactionSchema): string => {
  const least = SHARE_MIN * Math.max(0, reasons[0]?.nats ?? 0);
  const parts = reasons.filter(({ nats }, rank) => rank === 0 || nats >= least).map((reason) => partOf(reason, schema));
  return [...new Set(parts)].slice(0, PARTS_MAX).sort().join(' · ');
};

const partOf = ({ feature, field, observed, usual }: Reason, schema: TransactionSchema): string => {
  const phrase = phraseOf(feature, schema);
  if (typeof observed === 'string') {
    // Which merchant it is differs from alert to alert; that it is unfamiliar does not.
    const isEntity = schema.entities.some(({ column }) => column === field);
    return isEntity ? phrase : `${phrase} ${observed}`;
  }
  if (usual && typeof usual.high === 'number' && observed > usual.high) return `${phrase} above usual`;
  if (usual && typeof usual.low === 'number' && observed < usual.low) return `${phrase} below usual`;
  return phrase;
};
