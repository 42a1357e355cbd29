import type { ChannelScore } from '../domain/scored-transaction.js';
import type { CommittedRow } from '../scoring/ports.js';
import { CopyWriter, ELEMENT } from './copy-writer.js';

const ID_BYTES = 96;
const ROW_BYTES = 640;

export const COPY_TRANSACTION_IDS = 'COPY transaction_ids (id, content_hash, occurred_at) FROM STDIN (FORMAT binary)';

/** In key order: two writers of the same ids then wait for each other instead of deadlocking. */
export const transactionIdsCopy = (rows: readonly CommittedRow[]): Buffer => {
  const out = new CopyWriter(ID_BYTES * rows.length);
  const sorted = [...rows].sort((a, b) => (a.scored.transaction.id < b.scored.transaction.id ? -1 : 1));
  for (const { scored, contentHash } of sorted) {
    out.row(3);
    out.text(scored.transaction.id);
    out.bytes(Buffer.from(contentHash, 'hex'));
    out.timestamptz(scored.transaction.occurredAtMs);
  }
  return out.end();
};

/** In the order in which `transactionsCopy` writes them. */
const COLUMNS = [
  ...['id', 'occurred_at', 'entities', 'amount_minor', 'currency', 'numeric_fields', 'categorical_fields', 'amount_bin'],
  ...['features', 's_score', 's_minus_log10_p', 't_score', 't_minus_log10_p', 'h_score', 'h_minus_log10_p'],
  ...['d_score', 'd_minus_log10_p', 'fused_score', 'fused_minus_log10_p', 'fraud_probability', 'outcome', 'lane', 'bound'],
  ...['threshold_minus_log10_p', 'late', 'model', 'calibration', 'policy', 'feature_set'],
];
export const COPY_TRANSACTIONS = `COPY transactions (${COLUMNS.join(', ')}) FROM STDIN (FORMAT binary)`;

export const transactionsCopy = (rows: readonly CommittedRow[]): Buffer => {
  const out = new CopyWriter(ROW_BYTES * rows.length);
  for (const row of rows) {
    out.row(COLUMNS.length);
    writeTransaction(out, row);
    writeScore(out, row);
  }
  return out.end();
};

const writeTransaction = (out: CopyWriter, { scored: { transaction: t }, amountBin }: CommittedRow): void => {
  out.text(t.id);
  out.timestamptz(t.occurredAtMs);
  out.array(ELEMENT.text, t.entities, (id) => out.text(id));
  out.bigint(t.amountMinor);
  out.text(t.currency);
  // NaN means missing.
  const numeric = t.numeric.map((value) => (Number.isNaN(value) ? null : value));
  out.array(ELEMENT.float8, numeric, (value) => optional(out, value));
  out.array(ELEMENT.text, t.categorical, (value) => (value === null ? out.null() : out.text(value)));
  out.smallint(amountBin);
};

const writeScore = (out: CopyWriter, { scored }: CommittedRow): void => {
  const { features, channels, fused, fraudProbability, decision, late, versions } = scored;
  out.bytes(new Uint8Array(features.buffer, features.byteOffset, features.byteLength));
  writeChannel(out, channels.S);
  writeChannel(out, channels.T);
  writeChannel(out, channels.H);
  writeChannel(out, channels.D);
  writeChannel(out, fused);
  optional(out, fraudProbability);
  out.text(decision.outcome);
  if (decision.lane === null) out.null();
  else out.text(decision.lane);
  out.text(decision.bound);
  out.float8(decision.thresholdMinusLog10P);
  out.boolean(late);
  out.text(versions.model);
  out.text(versions.calibration);
  out.text(versions.policy);
  out.text(versions.featureSet);
};

const writeChannel = (out: CopyWriter, { score, minusLog10P }: ChannelScore): void => {
  out.float8(score);
  optional(out, minusLog10P);
};

const optional = (out: CopyWriter, value: number | null): void => {
  if (value === null) out.null();
  else out.float8(value);
};
