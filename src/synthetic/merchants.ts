import type { Random } from '../domain/random.js';
import { choose, cumulative, pick } from './draws.js';

export type PaymentChannel = 'chip' | 'contactless' | 'online' | 'atm';

/** What a category sells: how much more or less than a customer's usual amount, and how it is paid. */
interface Trade {
  readonly category: string;
  /** Share of the merchants. */
  readonly weight: number;
  /** Added to the logarithm of the customer's usual amount. */
  readonly logAmountShift: number;
  readonly setting: 'shop' | 'online' | 'cash';
}

const TRADES: readonly Trade[] = [
  { category: 'groceries', weight: 24, logAmountShift: 0, setting: 'shop' },
  { category: 'restaurant', weight: 16, logAmountShift: -0.2, setting: 'shop' },
  { category: 'fuel', weight: 8, logAmountShift: 0.25, setting: 'shop' },
  { category: 'pharmacy', weight: 8, logAmountShift: -0.15, setting: 'shop' },
  { category: 'clothing', weight: 10, logAmountShift: 0.25, setting: 'shop' },
  { category: 'electronics', weight: 6, logAmountShift: 0.4, setting: 'online' },
  { category: 'marketplace', weight: 9, logAmountShift: 0.1, setting: 'online' },
  { category: 'digital', weight: 8, logAmountShift: -0.35, setting: 'online' },
  { category: 'travel', weight: 4, logAmountShift: 0.45, setting: 'online' },
  { category: 'transfer', weight: 4, logAmountShift: 0.4, setting: 'online' },
  { category: 'cash', weight: 5, logAmountShift: 0.3, setting: 'cash' },
];

/** Where the demo world's people and shops are, by weight. */
export const COUNTRIES = [
  { code: 'DE', currency: 'EUR', weight: 5 },
  { code: 'FR', currency: 'EUR', weight: 2 },
  { code: 'NL', currency: 'EUR', weight: 1.5 },
  { code: 'GB', currency: 'GBP', weight: 1.5 },
] as const;
export const countryWeights = cumulative(COUNTRIES.map((country) => country.weight));

export interface Merchant {
  readonly id: string;
  readonly category: string;
  readonly country: string;
  readonly setting: 'shop' | 'online' | 'cash';
  readonly logAmountShift: number;
  /** Relative size, Zipf-like: how readily a customer of its country makes it a favourite. */
  readonly popularity: number;
}

/** Every category occurs as soon as there are as many merchants as categories. */
export const createMerchants = (random: Random, count: number): readonly Merchant[] => {
  const sums = cumulative(TRADES.map((trade) => trade.weight));
  return Array.from({ length: count }, (_, i) => {
    const trade = TRADES[i] ?? TRADES[pick(random, sums)]!;
    return {
      id: `m${String(i + 1).padStart(4, '0')}`,
      category: trade.category,
      country: COUNTRIES[pick(random, countryWeights)]!.code,
      setting: trade.setting,
      logAmountShift: trade.logAmountShift,
      popularity: 1 / (1 + random.integer(Math.max(1, Math.ceil(count / 4)))),
    };
  });
};

/** How a customer who prefers `preferred` at the till pays at this merchant. */
export const channelAt = (merchant: Merchant, preferred: 'chip' | 'contactless', random: Random): PaymentChannel => {
  if (merchant.setting === 'online') return 'online';
  if (merchant.setting === 'cash') return 'atm';
  const other = preferred === 'chip' ? 'contactless' : 'chip';
  return random.uniform() < 0.85 ? preferred : other;
};

/** @throws RangeError when no merchant of the wanted kind exists */
export const chooseMerchant = (
  random: Random,
  merchants: readonly Merchant[],
  wanted: (merchant: Merchant) => boolean,
): Merchant => {
  const fitting = merchants.filter(wanted);
  if (fitting.length === 0) throw new RangeError(`none of the ${merchants.length} merchants is of the wanted kind`);
  return choose(random, fitting);
};
