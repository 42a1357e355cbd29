import { transactionParser } from '../../../src/domain/parse-transaction.js';
import type { IncomingRecord, ScoringResult, ScoringWork } from '../../../src/scoring/ports.js';
import { PlainScorer } from '../plain-scorer.js';
import { alertOf, cellsOf, row, SCHEMA, T0 } from '../store-samples.js';

/** A small partition that holds every kind of record, and what becomes of each; and a scorer that says what it was given. */
type Fate = 'scored' | 'alerted' | 'repeat' | 'conflict' | 'unreadable';

const FATES: readonly Fate[] = [
  ...(['scored', 'alerted', 'unreadable', 'alerted', 'repeat', 'scored', 'conflict', 'alerted'] as const),
  ...(['alerted', 'repeat', 'scored', 'unreadable', 'alerted', 'alerted', 'scored', 'repeat'] as const),
];

const message = (i: number, amount: string): string =>
  JSON.stringify({
    id: `${FATES[i] === 'alerted' ? 'alert' : 'plain'}-${i}`,
    time: new Date(T0 + i).toISOString(),
    ...{ customer: `c${i % 2}`, terminal: 't1', card: 'k1', amount },
  });

export const PARTITION = { group: 'g', topic: 't', partition: 0 } as const;

/** A repeat and a conflict are of the record before them, which is fresh. */
export const STREAM: readonly (IncomingRecord & { readonly offset: bigint })[] = FATES.map((fate, i) => {
  const fresh = fate === 'repeat' || fate === 'conflict' ? i - 1 : i;
  const text = fate === 'unreadable' ? '{' : message(fresh, fate === 'conflict' ? '99.00' : '1.00');
  return { bytes: Buffer.from(text), key: `c${fresh % 2}`, position: `t/0/${i}`, offset: BigInt(i) };
});

/** What a ledger holds. */
export interface Contents {
  readonly position: number;
  readonly scored: readonly string[];
  readonly repeats: number;
  readonly deadLetters: readonly string[];
  /** By customer: the ids that its state was made of, in their order. */
  readonly states: Readonly<Record<string, string>>;
  /** Transactions that the evidence cells counted, once for each secondary entity. */
  readonly evidence: number;
  readonly alerts: readonly string[];
}

/** What it has to hold when the first `position` records were read, whoever read them and however often it was tried. */
export const contentsAt = (position: number): Contents => {
  const fresh = FATES.slice(0, position).flatMap((fate, i) => (fate === 'scored' || fate === 'alerted' ? i : []));
  const ids = fresh.map((i) => idOf(i));
  const states: Record<string, string> = {};
  for (const i of fresh) states[`c${i % 2}`] = `${states[`c${i % 2}`] ?? ''}${idOf(i)} `;
  const read = FATES.slice(0, position);
  return {
    position,
    scored: [...ids].sort(),
    repeats: read.filter((fate) => fate === 'repeat').length,
    deadLetters: read.flatMap((fate, i) => (fate === 'conflict' || fate === 'unreadable' ? `t/0/${i}` : [])).sort(),
    states,
    evidence: 2 * fresh.length,
    alerts: ids.filter((id) => id.startsWith('alert')).sort(),
  };
};

const idOf = (i: number): string => `${FATES[i] === 'alerted' ? 'alert' : 'plain'}-${i}`;
/** Place in the stream of what an alert is about. */
export const placeOf = (transactionId: string): number => Number(transactionId.split('-')[1]);

/** A state is the list of the ids that made it: nothing applied twice, lost or out of order goes unseen. */
export class TellingScorer extends PlainScorer {
  override readonly featureSet = 'f1';

  protected override resultOf({ transactions, states }: ScoringWork): ScoringResult {
    const texts = new Map(states.map(({ entityId, bytes }) => [entityId, Buffer.from(bytes).toString()]));
    const rows = transactions.map((transaction) => {
      const [customer] = transaction.entities;
      texts.set(customer!, `${texts.get(customer!) ?? ''}${transaction.id} `);
      const sample = row(transaction.id, { outcome: transaction.id.startsWith('alert') ? 'review' : 'approve' });
      return { ...sample, scored: { ...sample.scored, transaction } };
    });
    const versions = new Map(states.map(({ entityId, version }) => [entityId, version]));
    return {
      featureSet: 'f1',
      rows,
      states: [...new Set(transactions.map(({ entities }) => entities[0]!))].map((entityId) => ({
        entityId,
        version: versions.get(entityId) ?? 0,
        bytes: Buffer.from(texts.get(entityId)!),
      })),
      evidence: cellsOf(rows),
      alerts: rows.filter(({ scored }) => scored.decision.outcome !== 'approve').map(alertOf),
    };
  }
}

export const PARSER = transactionParser(SCHEMA);
