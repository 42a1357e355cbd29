import { createRandom, type Random } from '../domain/random.js';
import { createCustomers, MEAN_PAYMENTS_PER_DAY, type Customer } from './customers.js';
import { poisson } from './draws.js';
import { createMerchants, type Merchant } from './merchants.js';
import { ordinaryPayments } from './ordinary-payments.js';
import { accountTakeover } from './patterns/account-takeover.js';
import { cardTesting } from './patterns/card-testing.js';
import type { AddingPattern, FraudPattern, Population, TaintingPattern } from './patterns/fraud-pattern.js';
import { highAmount } from './patterns/high-amount.js';
import { merchantCompromise } from './patterns/merchant-compromise.js';
import { structuring } from './patterns/structuring.js';
import { toRecord, type DemoTransaction, type Payment } from './payment.js';
import { DAY_MS } from '../domain/time.js';

export interface WorldOptions {
  /** Any integer; only its low 32 bits count. */
  readonly seed: number;
  /** 1 to 100,000; 300 make about 850 transactions a day. */
  readonly customers: number;
  /** 10 to 10,000. */
  readonly merchants: number;
  /** First moment of day 0, UTC epoch milliseconds; a midnight gives calendar days. */
  readonly startMs: number;
  /** Days until the truth of a transaction is known, as the schema's `label.delayDays`; default LABEL_DELAY_DAYS. */
  readonly labelDelayDays?: number;
  /** Strength by fraud type: 1 (default) as designed, 0 without that type. */
  readonly strength?: Readonly<Partial<Record<FraudType, number>>>;
}

export const LABEL_DELAY_DAYS = 3;

export const FRAUD_TYPES = ['card-testing', 'account-takeover', 'merchant-compromise', 'high-amount', 'structuring'] as const;
export type FraudType = (typeof FRAUD_TYPES)[number];

const PATTERNS: readonly FraudPattern[] = [cardTesting, accountTakeover, merchantCompromise, highAmount, structuring];

export interface Truth {
  readonly transactionId: string;
  readonly isFraud: boolean;
  /** One of FRAUD_TYPES; null when legitimate. */
  readonly type: string | null;
  /** Never before the label delay has passed. */
  readonly knownAtMs: number;
}

export interface WorldDay {
  /** In rising time. */
  readonly transactions: readonly DemoTransaction[];
  /** One for each transaction, in the same order. */
  readonly truth: readonly Truth[];
}

export interface World {
  readonly customers: readonly Customer[];
  readonly merchants: readonly Merchant[];
  /**
   * A pure function of the options and the day: any day alone and in any order gives the same bits, at the cost of one
   * day (campaigns that began up to four weeks earlier are drawn again, which is cheap).
   *
   * @param dayIndex 0 to 36,524
   */
  day(dayIndex: number): WorldDay;
}

const inRange = (name: string, value: number, low: number, high: number): void => {
  if (!Number.isSafeInteger(value) || value < low || value > high)
    throw new RangeError(`${name}: ${value} is not a whole number from ${low} to ${high}`);
};

/** A fifth of the labels comes later than the delay, by one and a half days on average and at most ten. */
const knownAtMs = (occurredAtMs: number, delayDays: number, random: Random): number => {
  const isLate = random.uniform() < 0.2;
  const extraDays = isLate ? Math.min(10, -1.5 * Math.log(1 - random.uniform())) : 0;
  return occurredAtMs + Math.round((delayDays + extraDays) * DAY_MS);
};

interface Campaigns {
  readonly random: Random;
  readonly population: Population;
  readonly startMs: number;
  readonly dayIndex: number;
}

/** Calls `visit` for every campaign that may still run on the day; each has a generator of its own. */
const forEachCampaign = (
  { random, population, dayIndex }: Campaigns,
  pattern: FraudPattern,
  visit: (random: Random, firstDay: number) => void,
): void => {
  const mean = (pattern.campaignsPerThousand * population.customers.length * MEAN_PAYMENTS_PER_DAY) / 1000;
  for (let firstDay = dayIndex - pattern.daysMax + 1; firstDay <= dayIndex; firstDay += 1) {
    const start = random.fork(`${pattern.type}/${firstDay}`);
    const count = poisson(start, mean);
    for (let i = 0; i < count; i += 1) visit(start.fork(`campaign/${i}`), firstDay);
  }
};

const addedPayments = (campaigns: Campaigns, pattern: AddingPattern, strength: number): Payment[] => {
  const fromMs = campaigns.startMs + campaigns.dayIndex * DAY_MS;
  const found: Payment[] = [];
  forEachCampaign(campaigns, pattern, (random, firstDay) => {
    const payments = pattern.payments(campaigns.population, campaigns.startMs + firstDay * DAY_MS, random, strength);
    for (const payment of payments)
      if (payment.occurredAtMs >= fromMs && payment.occurredAtMs < fromMs + DAY_MS) found.push(payment);
  });
  return found;
};

/** Share of fraud at each compromised merchant on the day. */
const taintedMerchants = (campaigns: Campaigns, pattern: TaintingPattern, strength: number): Map<Merchant, number> => {
  const shares = new Map<Merchant, number>();
  forEachCampaign(campaigns, pattern, (random, firstDay) => {
    const { merchant, days, share } = pattern.campaign(campaigns.population, random, strength);
    if (campaigns.dayIndex < firstDay + days) shares.set(merchant, Math.max(share, shares.get(merchant) ?? 0));
  });
  return shares;
};

interface Told {
  readonly payment: Payment;
  readonly type: string | null;
}

const ordinaryDay = (campaigns: Campaigns, dayMs: number): Payment[] => {
  const random = campaigns.random.fork(`day/${campaigns.dayIndex}`);
  const { customers, merchants } = campaigns.population;
  return customers.flatMap((customer) => ordinaryPayments(customer, merchants, dayMs, random.fork(customer.id)));
};

const paymentsOfDay = (campaigns: Campaigns, dayMs: number, strengthOf: (type: string) => number): Told[] => {
  const told: Told[] = ordinaryDay(campaigns, dayMs).map((payment) => ({ payment, type: null }));
  for (const pattern of PATTERNS) {
    const strength = strengthOf(pattern.type);
    if (strength === 0) continue;
    if (pattern.kind === 'adding') {
      for (const payment of addedPayments(campaigns, pattern, strength)) told.push({ payment, type: pattern.type });
      continue;
    }
    const shares = taintedMerchants(campaigns, pattern, strength);
    const random = campaigns.random.fork(`${pattern.type}/day/${campaigns.dayIndex}`);
    told.forEach(({ payment, type }, i) => {
      const share = shares.get(payment.merchant);
      if (share !== undefined && type === null && random.uniform() < share) told[i] = { payment, type: pattern.type };
    });
  }
  return told.sort((a, b) => a.payment.occurredAtMs - b.payment.occurredAtMs);
};

/** @throws RangeError naming the option that is out of range */
export const createWorld = (options: WorldOptions): World => {
  inRange('customers', options.customers, 1, 100_000);
  inRange('merchants', options.merchants, 10, 10_000);
  inRange('startMs', options.startMs, 0, 4_102_444_800_000);
  const delayDays = options.labelDelayDays ?? LABEL_DELAY_DAYS;
  const root = createRandom(options.seed);
  const merchants = createMerchants(root.fork('merchants'), options.merchants);
  const customers = createCustomers(root.fork('customers'), options.customers, merchants);
  const population = { customers, merchants };
  const strengthOf = (type: string): number => options.strength?.[type as FraudType] ?? 1;
  return {
    customers,
    merchants,
    day(dayIndex) {
      inRange('dayIndex', dayIndex, 0, 36_524);
      const campaigns = { random: root.fork('days'), population, startMs: options.startMs, dayIndex };
      const told = paymentsOfDay(campaigns, options.startMs + dayIndex * DAY_MS, strengthOf);
      const labels = root.fork(`labels/${dayIndex}`);
      const id = (i: number): string => `d${String(dayIndex).padStart(5, '0')}-${String(i + 1).padStart(6, '0')}`;
      return {
        transactions: told.map(({ payment }, i) => toRecord(payment, id(i))),
        truth: told.map(({ payment, type }, i) => ({
          transactionId: id(i),
          isFraud: type !== null,
          type,
          knownAtMs: knownAtMs(payment.occurredAtMs, delayDays, labels),
        })),
      };
    },
  };
};
