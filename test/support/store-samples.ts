import { createHash } from 'node:crypto';
import { v5 } from 'uuid';
import type { Alert } from '../../src/domain/alert.js';
import type { Outcome } from '../../src/domain/decision.js';
import { TransactionSchemaDefinition } from '../../src/domain/transaction-schema.js';
import type { BatchCommit, CommittedRow, EvidenceCell } from '../../src/scoring/ports.js';

export const SCHEMA = TransactionSchemaDefinition.parse({
  name: 'sample',
  description: 'for tests of the store',
  id: 'id',
  time: { column: 'time', format: 'iso8601' },
  entities: [
    { name: 'customer', column: 'customer' },
    { name: 'terminal', column: 'terminal' },
    { name: 'card', column: 'card', bucketSeconds: 1 },
  ],
  amount: { column: 'amount', currency: 'EUR', minorDigits: 2 },
  numeric: [{ column: 'distance', optional: true }],
  categorical: [{ column: 'category', optional: true }],
});

export const T0 = Date.UTC(2026, 0, 5, 10, 20, 30, 123);
export const HOUR = 3_600_000;

export interface RowChoice {
  readonly atMs?: number;
  readonly customer?: string;
  readonly terminal?: string;
  readonly outcome?: Outcome;
  readonly amountMinor?: number;
  readonly bin?: number;
  readonly model?: string;
  readonly fusedP?: number;
}

export const row = (id: string, choice: RowChoice = {}): CommittedRow => ({
  scored: {
    transaction: {
      id,
      occurredAtMs: choice.atMs ?? T0,
      entities: [choice.customer ?? 'c1', choice.terminal ?? 't1', 'k1'],
      amountMinor: choice.amountMinor ?? 1205,
      currency: 'EUR',
      numeric: [NaN],
      categorical: ['groceries "ü" \\ {x}'],
    },
    features: Float32Array.of(1.5, -0.1, NaN),
    channels: {
      S: { score: 0.1 + 0.2, minusLog10P: 3.25 },
      T: { score: -4, minusLog10P: null },
      H: { score: 0, minusLog10P: 1e-17 },
      D: { score: 1e300, minusLog10P: 0 },
    },
    fused: { score: 2, minusLog10P: choice.fusedP ?? 1 },
    fraudProbability: null,
    decision: {
      outcome: choice.outcome ?? 'approve',
      bound: 'budget-share',
      lane: (choice.outcome ?? 'approve') === 'approve' ? null : 'S',
      thresholdMinusLog10P: 2,
    },
    late: false,
    versions: { model: choice.model ?? 'm1', calibration: 'k1', policy: 'p1', featureSet: 'f1' },
  },
  contentHash: createHash('sha256').update(id).digest('hex'),
  amountBin: choice.bin ?? 3,
});

export const alertOf = ({ scored }: CommittedRow): Alert => {
  const { transaction: t } = scored;
  return {
    id: v5(`${SCHEMA.name}/${t.id}`, v5.URL),
    schema: SCHEMA.name,
    transactionId: t.id,
    occurredAt: new Date(t.occurredAtMs).toISOString(),
    entities: { customer: t.entities[0]!, terminal: t.entities[1]!, card: t.entities[2]! },
    amount: '12.05',
    currency: 'EUR',
    outcome: scored.decision.outcome === 'decline' ? 'decline' : 'review',
    lane: 'S',
    bound: 'budget-share',
    fraudProbability: null,
    channels: scored.channels,
    fused: scored.fused,
    versions: scored.versions,
    reasons: [],
    pattern: 'amount above usual',
    novelty: null,
    typical: null,
    sentence: `alert on ${t.id}`,
  };
};

export const cellsOf = (rows: readonly CommittedRow[]): EvidenceCell[] => {
  const cells = new Map<string, EvidenceCell>();
  for (const { scored, amountBin } of rows)
    SCHEMA.entities.slice(1).forEach((entity, i) => {
      const width = entity.bucketSeconds * 1000;
      const bucketMs = Math.floor(scored.transaction.occurredAtMs / width) * width;
      const key = `${entity.name}/${scored.transaction.entities[i + 1]}/${bucketMs}/${amountBin}`;
      const n = (cells.get(key)?.n ?? 0) + 1;
      const entityId = scored.transaction.entities[i + 1]!;
      cells.set(key, { entityType: entity.name, entityId, bucketMs, bin: amountBin, n, nFraud: 0 });
    });
  return [...cells.values()];
};

/** A batch from the demo or HTTP, with alerts and evidence as its rows say and no entity states. */
export const batch = (rows: readonly CommittedRow[], more: Partial<BatchCommit> = {}): BatchCommit => ({
  source: { kind: 'direct', name: 'test' },
  featureSet: 'f1',
  rows,
  states: [],
  evidence: cellsOf(rows),
  alerts: rows.filter(({ scored }) => scored.decision.outcome !== 'approve').map(alertOf),
  deadLetters: [],
  repeats: [],
  ...more,
});
