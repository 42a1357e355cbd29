import type { Alert } from '../domain/alert.js';
import type { Outcome } from '../domain/decision.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import type { AlertPattern, AlertView, TransactionView } from './query-types.js';

/** Columns of `transactions AS t` that a view is made of. */
export const VIEW_COLUMNS = `
  t.id, t.occurred_at, t.entities, t.amount_minor, t.currency, t.numeric_fields, t.categorical_fields,
  t.s_score, t.s_minus_log10_p, t.t_score, t.t_minus_log10_p, t.h_score, t.h_minus_log10_p, t.d_score, t.d_minus_log10_p,
  t.fused_score, t.fused_minus_log10_p, t.fraud_probability, t.outcome, t.late,
  t.model, t.calibration, t.policy, t.feature_set`;

export interface ViewRow {
  id: string;
  occurred_at: Date;
  entities: string[];
  amount_minor: string;
  currency: string;
  numeric_fields: (number | null)[];
  categorical_fields: (string | null)[];
  s_score: number;
  s_minus_log10_p: number | null;
  t_score: number;
  t_minus_log10_p: number | null;
  h_score: number;
  h_minus_log10_p: number | null;
  d_score: number;
  d_minus_log10_p: number | null;
  fused_score: number;
  fused_minus_log10_p: number | null;
  fraud_probability: number | null;
  outcome: Outcome;
  late: boolean;
  model: string;
  calibration: string;
  policy: string;
  feature_set: string;
}

export const transactionView = (schema: TransactionSchema, row: ViewRow): TransactionView => ({
  id: row.id,
  occurredAt: row.occurred_at.toISOString(),
  entities: Object.fromEntries(
    schema.entities.slice(0, row.entities.length).map(({ name }, i) => [name, row.entities[i]!] as const),
  ),
  amount: schema.amount ? decimalAmount(row.amount_minor, schema.amount.minorDigits) : null,
  currency: schema.amount ? row.currency : null,
  fields: Object.fromEntries<number | string | null>([
    ...schema.numeric.map(({ column }, i) => [column, row.numeric_fields[i] ?? null] as const),
    ...schema.categorical.map(({ column }, i) => [column, row.categorical_fields[i] ?? null] as const),
  ]),
  channels: {
    S: { score: row.s_score, minusLog10P: row.s_minus_log10_p },
    T: { score: row.t_score, minusLog10P: row.t_minus_log10_p },
    H: { score: row.h_score, minusLog10P: row.h_minus_log10_p },
    D: { score: row.d_score, minusLog10P: row.d_minus_log10_p },
  },
  fused: { score: row.fused_score, minusLog10P: row.fused_minus_log10_p },
  fraudProbability: row.fraud_probability,
  outcome: row.outcome,
  late: row.late,
  versions: { model: row.model, calibration: row.calibration, policy: row.policy, featureSet: row.feature_set },
});

/** "-12.05" of "-1205" with 2 digits. Text throughout: no rounding. */
export const decimalAmount = (minor: string, digits: number): string => {
  if (digits === 0) return minor;
  const sign = minor.startsWith('-') ? '-' : '';
  const padded = minor.slice(sign.length).padStart(digits + 1, '0');
  return `${sign}${padded.slice(0, -digits)}.${padded.slice(-digits)}`;
};

/** With what is known of its transaction now. */
export const ALERT_SELECT = `
SELECT a.sequence, a.payload, label.is_fraud
FROM alerts AS a
LEFT JOIN LATERAL (
  SELECT is_fraud FROM labels WHERE transaction_id = a.transaction_id ORDER BY known_at DESC, id DESC LIMIT 1
) AS label ON true`;

export interface AlertViewRow {
  sequence: string;
  payload: Alert;
  is_fraud: boolean | null;
}

export interface AlertPatternRow {
  pattern: string;
  new_type: boolean;
  alerts: number;
  first_at: Date;
  last_at: Date;
  frauds: number;
  legitimate: number;
}

export const alertPatternView = (row: AlertPatternRow): AlertPattern => ({
  pattern: row.pattern,
  newType: row.new_type,
  alerts: row.alerts,
  firstAt: row.first_at.toISOString(),
  lastAt: row.last_at.toISOString(),
  frauds: row.frauds,
  legitimate: row.legitimate,
});

export const alertView = ({ sequence, payload, is_fraud }: AlertViewRow): AlertView => ({
  sequence,
  alert: payload,
  label: is_fraud === null ? null : is_fraud ? 'fraud' : 'legitimate',
});
