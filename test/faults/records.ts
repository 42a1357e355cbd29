import type { Random } from '../../src/domain/random.js';
import type { ReplayRecord } from '../../src/stream/replay.js';
import type { DemoTransaction } from '../../src/synthetic/payment.js';
import type { World } from '../../src/synthetic/world.js';

/** One event day of the topic. */
export interface Portion {
  readonly transactions: readonly ReplayRecord[];
  readonly labels: readonly ReplayRecord[];
}

/** Everything that a run reads, and what has to become of it. */
export interface Records {
  readonly portions: readonly Portion[];
  readonly expected: {
    readonly records: number;
    readonly scored: number;
    readonly repeats: number;
    readonly deadLetters: number;
    readonly labels: number;
  };
  /** Place of each scored transaction in the stream: the order in which its customer's alerts have to come. */
  readonly placeOf: ReadonlyMap<string, number>;
}

/** Beside each fresh transaction: of 100 records 65 are scored, 5 repeats and 30 bad. */
const REPEATS_PER_FRESH = 5 / 65;
const BAD_PER_FRESH = 30 / 65;
/** Repeats and conflicts are of one of the last so many transactions. */
const RECENT_MAX = 300;
/**
 * Labels are sent for the last days only: features read cells that are older than the label delay of three days, so
 * none of these is read within the run, and when a label arrives changes nothing but the stored counts.
 */
const LABELLED_DAYS = 2;

/**
 * `count` records of the world's days from `fromDay` on. A record's key is its customer, so that everything that is said
 * of one transaction is in one partition, in this order.
 */
export const createRecords = (world: World, fromDay: number, count: number, random: Random): Records => {
  const days: { transactions: ReplayRecord[]; fresh: DemoTransaction[]; day: number }[] = [];
  const placeOf = new Map<string, number>();
  const recent: DemoTransaction[] = [];
  const totals = { scored: 0, repeats: 0, deadLetters: 0 };
  let left = count;
  for (let day = fromDay; left > 0; day += 1) {
    const portion = { transactions: [] as ReplayRecord[], fresh: [] as DemoTransaction[], day };
    const put = (fate: keyof typeof totals, { customer }: DemoTransaction, value: string): void => {
      if (left === 0) return;
      left -= 1;
      totals[fate] += 1;
      portion.transactions.push({ key: customer, value });
    };
    for (const transaction of world.day(day).transactions) {
      if (left === 0) break;
      placeOf.set(transaction.id, placeOf.size);
      if (recent.push(transaction) > RECENT_MAX) recent.shift();
      portion.fresh.push(transaction);
      put('scored', transaction, JSON.stringify(transaction));
      const known = recent[random.integer(recent.length)]!;
      if (random.uniform() < REPEATS_PER_FRESH) put('repeats', known, sameContent(known));
      if (random.uniform() < BAD_PER_FRESH) {
        const spoilt = SPOILERS[random.integer(SPOILERS.length)]!;
        put('deadLetters', known, spoilt(known));
      }
    }
    days.push(portion);
  }
  const portions = days.map(({ transactions, fresh, day }, i) => ({
    transactions,
    labels: i >= days.length - LABELLED_DAYS ? labelsOf(world, day, fresh) : [],
  }));
  const labels = portions.reduce((sum, portion) => sum + portion.labels.length, 0);
  return { portions, expected: { records: count, ...totals, labels }, placeOf };
};

/** Other bytes, same content: what counts is what a record says. */
const sameContent = (transaction: DemoTransaction): string =>
  JSON.stringify(Object.fromEntries(Object.entries(transaction).reverse()), null, 1);

const SPOILERS: readonly ((transaction: DemoTransaction) => string)[] = [
  (transaction) => JSON.stringify(transaction).slice(0, -20),
  () => '\u0000\u0001 not JSON at all',
  ({ id, ...rest }) => JSON.stringify({ id: `${id}-bad`, ...rest, amount: { value: rest.amount } }),
  ({ id, ...rest }) => JSON.stringify({ id: `${id}-bad`, ...rest, occurred_at: 'yesterday' }),
  ({ id, ...rest }) => JSON.stringify({ id: `${id}-bad`, ...rest, customer: null }),
  // Same id, other content.
  (transaction) => JSON.stringify({ ...transaction, amount: (Number(transaction.amount) + 1).toFixed(2) }),
  (transaction) => JSON.stringify({ ...transaction, channel: `${transaction.channel}-other` }),
];

const labelsOf = (world: World, day: number, sent: readonly DemoTransaction[]): ReplayRecord[] => {
  const ids = new Set(sent.map(({ id }) => id));
  return world
    .day(day)
    .truth.filter(({ transactionId }) => ids.has(transactionId))
    .map(({ transactionId, isFraud, type, knownAtMs }) => ({
      key: transactionId,
      value: JSON.stringify({ transactionId, isFraud, type, source: 'truth', knownAt: new Date(knownAtMs).toISOString() }),
    }));
};
