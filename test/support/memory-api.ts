import { v5 as uuidV5 } from 'uuid';
import type { Alert } from '../../src/domain/alert.js';
import { CHANNELS, type Channel } from '../../src/domain/decision.js';
import type { Label } from '../../src/domain/label.js';
import { transactionParser } from '../../src/domain/parse-transaction.js';
import { refuseFuture } from '../../src/domain/refuse-future.js';
import type { ChannelScore, ScoredTransaction } from '../../src/domain/scored-transaction.js';
import { TransactionSchemaDefinition } from '../../src/domain/transaction-schema.js';
import type { Transaction } from '../../src/domain/transaction.js';
import { MemoryScoringStore } from '../../src/scoring/memory-store.js';
import { LabelSink, type ScoringResult, type ScoringStore, type ScoringWork } from '../../src/scoring/ports.js';
import { OnlineLine } from '../../src/scoring/score-transactions.js';
import { MemoryQueries } from './memory-queries.js';
import { PlainScorer } from './plain-scorer.js';

export const SHOP_SCHEMA = TransactionSchemaDefinition.parse({
  name: 'shop',
  description: 'Card payments of a small world, for tests of the HTTP door and the page.',
  id: 'id',
  time: { column: 'occurredAt', format: 'iso8601' },
  entities: [
    { name: 'customer', column: 'customer' },
    { name: 'merchant', column: 'merchant' },
  ],
  amount: { column: 'amount', currency: { column: 'currency' } },
  numeric: [{ column: 'distanceKm', optional: true }],
  categorical: [{ column: 'category' }],
});

/** The tests' clock. */
export const NOW_MS = Date.parse('2026-03-02T12:00:00Z');

export const VERSIONS = {
  model: 'shop-20260301T000000Z-1a2b3c4d',
  calibration: 'shop-20260301T000000Z-1a2b3c4d/20513',
  policy: 'default-1',
  featureSet: 'full-0badcafe',
};

/** Amounts above this raise an alert. */
export const ALERT_ABOVE_MINOR = 50_000;
const NEW_TYPE_ABOVE_MINOR = 400_000;

const STRENGTH: Readonly<Record<Channel, number>> = { S: 0.7, T: 0.85, H: 0.2, D: 1 };

const scores = (surprise: number): Readonly<Record<Channel, ChannelScore>> =>
  Object.fromEntries(
    CHANNELS.map((channel) => [
      channel,
      { score: 3.1 * surprise * STRENGTH[channel] - 2, minusLog10P: surprise * STRENGTH[channel] },
    ]),
  ) as Record<Channel, ChannelScore>;

const scored = (transaction: Transaction): ScoredTransaction => {
  const surprise = Math.log2(1 + transaction.amountMinor / 10_000);
  const alerted = transaction.amountMinor > ALERT_ABOVE_MINOR;
  const outcome = !alerted ? 'approve' : transaction.amountMinor > 2 * ALERT_ABOVE_MINOR ? 'decline' : 'review';
  return {
    transaction,
    features: Float32Array.of(transaction.amountMinor / 100),
    channels: scores(surprise),
    fused: { score: surprise, minusLog10P: surprise },
    fraudProbability: 1 - Math.exp(-surprise / 6),
    decision: { outcome, bound: 'budget-share', lane: alerted ? 'D' : null, thresholdMinusLog10P: 2 },
    late: false,
    versions: VERSIONS,
  };
};

const alertOf = ({ transaction, decision, channels, fused, fraudProbability, versions }: ScoredTransaction): Alert => {
  const [customer, merchant] = transaction.entities as [string, string];
  const amount = (transaction.amountMinor / 100).toFixed(2);
  const text = `amount ${amount} ${transaction.currency}, usually 8.20 to 74.50 ${transaction.currency}`;
  return {
    id: uuidV5(`shop/${transaction.id}`, uuidV5.URL),
    schema: 'shop',
    transactionId: transaction.id,
    occurredAt: new Date(transaction.occurredAtMs).toISOString(),
    entities: { customer, merchant },
    amount,
    currency: transaction.currency,
    outcome: decision.outcome === 'decline' ? 'decline' : 'review',
    lane: 'D',
    bound: decision.bound,
    fraudProbability,
    channels,
    fused,
    versions,
    typical: {
      changes: [{ feature: 'log_amount', field: 'amount', observed: Number(amount), typical: 26.4 }],
      text: `would be ordinary with amount 26.40 ${transaction.currency} instead of ${amount} ${transaction.currency}`,
    },
    reasons: [
      {
        channel: 'D',
        feature: 'log_amount',
        field: 'amount',
        nats: fused.score * 2.1,
        observed: Number(amount),
        usual: { low: 8.2, median: 26.4, high: 74.5, basis: 'entity' },
        text,
      },
      {
        channel: 'D',
        feature: 's_hour',
        field: 'occurredAt',
        nats: 2.63,
        observed: new Date(transaction.occurredAtMs).getUTCHours(),
        usual: { low: 9, median: 14, high: 20, basis: 'entity' },
        text: `hour of day (UTC) ${new Date(transaction.occurredAtMs).getUTCHours()}, usually 9 to 20`,
      },
      {
        channel: 'D',
        feature: 's_counterpart',
        field: 'merchant',
        nats: 1.72,
        observed: merchant,
        usual: null,
        text: `unfamiliar merchant ${merchant}`,
      },
      {
        channel: 'D',
        feature: 'distanceKm',
        field: 'distanceKm',
        nats: 0.58,
        observed: Number.isNaN(transaction.numeric[0]) ? 'missing' : transaction.numeric[0]!,
        usual: { low: 0.4, median: 6, high: 31, basis: 'model' },
        text: `distanceKm ${Number.isNaN(transaction.numeric[0]) ? 'missing' : transaction.numeric[0]}, usually 0.4 to 31`,
      },
    ],
    pattern: 'amount above usual · hour of day (UTC)',
    novelty: { isNew: transaction.amountMinor > NEW_TYPE_ABOVE_MINOR, knownFraudP: 0.031, knownFrauds: 412 },
    sentence: `${decision.outcome.toUpperCase()} ${amount} ${transaction.currency}, customer ${customer}, merchant ${merchant}: density 1 in ${Math.round(10 ** channels.D.minusLog10P!).toLocaleString('en-US')}; ${text} (${(fused.score * 2.1).toFixed(1)} nats)`,
  };
};

class AmountScorer extends PlainScorer {
  override readonly featureSet = VERSIONS.featureSet;

  protected override resultOf(work: ScoringWork): ScoringResult {
    const rows = work.transactions.map((transaction) => ({ scored: scored(transaction), amountBin: 0 }));
    const alerts = rows.filter((row) => row.scored.decision.outcome !== 'approve').map((row) => alertOf(row.scored));
    return { featureSet: VERSIONS.featureSet, rows, states: [], evidence: [], alerts };
  }
}

class MemoryLabels extends LabelSink {
  constructor(private readonly queries: MemoryQueries) {
    super();
  }

  override append(labels: readonly Label[]): Promise<{ stored: number; unknown: number; unchanged: number }> {
    this.queries.labels.push(...labels);
    const unknown = labels.filter((label) => !this.queries.rows.some((row) => row.view.id === label.transactionId)).length;
    return Promise.resolve({ stored: labels.length, unknown, unchanged: 0 });
  }
}

/** The real online line, with a scorer that goes by the amount alone. */
export const shopLine = (store: ScoringStore): OnlineLine =>
  new OnlineLine(
    SHOP_SCHEMA,
    refuseFuture(transactionParser(SHOP_SCHEMA), 'occurredAt', () => NOW_MS),
    store,
    new AmountScorer(),
  );

/** Nothing but memory behind the door. */
export const memoryService = (): { line: OnlineLine; queries: MemoryQueries; labels: LabelSink } => {
  const queries = new MemoryQueries();
  const store = new MemoryScoringStore([], (rows, commit) => {
    queries.add(
      rows.map((row) => row.scored),
      commit.alerts,
    );
    queries.repeats += commit.repeats.length;
    queries.deadLetters += commit.deadLetters.length;
  });
  return { line: shopLine(store), queries, labels: new MemoryLabels(queries) };
};
