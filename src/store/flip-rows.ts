import type { Channel, Outcome } from '../domain/decision.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import type { Flip, VersionOnRow } from '../domain/version-comparison.js';
import { decimalAmount } from './views.js';

/** A row that one of two sides alerts on and the other does not, as the statements answer it. */
export interface FlipRow {
  alerting: 'a' | 'b';
  id: string;
  occurred_at: Date;
  pa: number;
  pb: number;
  outcome_a: Outcome;
  outcome_b: Outcome;
  lane_a: Channel | null;
  lane_b: Channel | null;
  truth: 'fraud' | 'legitimate' | null;
  entities: string[];
  amount_minor: string;
  currency: string;
  sentence_a: string | null;
  sentence_b: string | null;
}

export const flipOf = (schema: TransactionSchema, row: FlipRow): Flip => {
  const a: VersionOnRow = { outcome: row.outcome_a, lane: row.lane_a, minusLog10P: row.pa, reason: row.sentence_a };
  const b: VersionOnRow = { outcome: row.outcome_b, lane: row.lane_b, minusLog10P: row.pb, reason: row.sentence_b };
  return {
    transactionId: row.id,
    occurredAt: row.occurred_at.toISOString(),
    entities: Object.fromEntries(row.entities.map((id, i) => [schema.entities[i]?.name ?? `entity ${i + 1}`, id] as const)),
    amount: schema.amount ? decimalAmount(row.amount_minor, schema.amount.minorDigits) : null,
    currency: schema.amount ? row.currency : null,
    label: row.truth,
    a,
    b,
  };
};
