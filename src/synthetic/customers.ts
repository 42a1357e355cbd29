import type { Random } from '../domain/random.js';
import { between, cumulative, pick } from './draws.js';
import { COUNTRIES, countryWeights, type Merchant } from './merchants.js';
import { HOUR_MS } from '../domain/time.js';

/** A person with habits of their own; what a profile model should find again. */
export interface Customer {
  readonly id: string;
  readonly country: string;
  readonly currency: string;
  /** Mean and standard deviation of log(amount in minor units) at a merchant without a shift. */
  readonly logAmountMean: number;
  readonly logAmountSd: number;
  /** Payments on an average day. */
  readonly paymentsPerDay: number;
  /** Seven factors, Sunday first, with mean 1. */
  readonly weekdayFactors: readonly number[];
  /** Running sums of the weights of the 24 hours (UTC). */
  readonly hourSums: Float64Array;
  /** The hour in the middle of their quietest three. */
  readonly quietHour: number;
  readonly favourites: readonly Merchant[];
  readonly favouriteSums: Float64Array;
  readonly preferred: 'chip' | 'contactless';
}

/** Payments per customer and day over the whole world; 300 customers make about 850 a day. */
export const MEAN_PAYMENTS_PER_DAY = 2.85;
const hourWeights = (random: Random): readonly number[] => {
  const peaks = [between(random, 7, 13), between(random, 15, 21)];
  const widths = [between(random, 1, 2.5), between(random, 1, 2.5)];
  const share = between(random, 0.25, 0.75);
  const bump = (hour: number, peak: number, width: number): number => {
    const away = Math.min(Math.abs(hour - peak), 24 - Math.abs(hour - peak));
    return Math.exp((-away * away) / (2 * width * width)) / width;
  };
  return Array.from(
    { length: 24 },
    (_, h) => 0.002 + share * bump(h + 0.5, peaks[0]!, widths[0]!) + (1 - share) * bump(h + 0.5, peaks[1]!, widths[1]!),
  );
};

const quietestHour = (weights: readonly number[]): number => {
  const around = weights.map((w, h) => w + weights[(h + 23) % 24]! + weights[(h + 1) % 24]!);
  return around.indexOf(Math.min(...around));
};

const chooseFavourites = (random: Random, merchants: readonly Merchant[], country: string): readonly Merchant[] => {
  // Shops and cash machines near home, online merchants anywhere; a tiny world may have no merchant at home.
  const near = merchants.filter((m) => m.setting === 'online' || m.country === country);
  const pool = near.length >= 3 ? near : merchants;
  const sums = cumulative(pool.map((m) => m.popularity * (m.setting === 'online' && m.country !== country ? 0.25 : 1)));
  const chosen = new Set<Merchant>();
  const wanted = Math.min(pool.length, 4 + random.integer(7));
  for (let draws = 0; chosen.size < wanted && draws < 200; draws += 1) chosen.add(pool[pick(random, sums)]!);
  return [...chosen];
};

const createCustomer = (random: Random, index: number, merchants: readonly Merchant[]): Customer => {
  const home = COUNTRIES[pick(random, countryWeights)]!;
  const hours = hourWeights(random);
  const favourites = chooseFavourites(random, merchants, home.code);
  const weekdays = Array.from({ length: 7 }, (_, day) => between(random, 0.5, 1.5) * (day === 0 ? 0.8 : 1));
  const meanFactor = weekdays.reduce((sum, factor) => sum + factor, 0) / 7;
  return {
    id: `c${String(index + 1).padStart(5, '0')}`,
    country: home.code,
    currency: home.currency,
    logAmountMean: Math.log(2800) + 0.65 * random.normal(),
    logAmountSd: between(random, 0.25, 0.6),
    paymentsPerDay: MEAN_PAYMENTS_PER_DAY * between(random, 0.4, 1.6),
    weekdayFactors: weekdays.map((factor) => factor / meanFactor),
    hourSums: cumulative(hours),
    quietHour: quietestHour(hours),
    favourites,
    favouriteSums: cumulative(favourites.map(() => between(random, 0.3, 1.7))),
    preferred: random.uniform() < 0.6 ? 'contactless' : 'chip',
  };
};

export const createCustomers = (random: Random, count: number, merchants: readonly Merchant[]): readonly Customer[] =>
  Array.from({ length: count }, (_, i) => createCustomer(random.fork(`customer/${i}`), i, merchants));

/** An amount as this customer spends at this merchant, in minor units, at least 0.50. */
export const usualAmountMinor = (customer: Customer, merchant: Merchant, random: Random): number =>
  Math.max(50, Math.round(Math.exp(customer.logAmountMean + merchant.logAmountShift + customer.logAmountSd * random.normal())));

/** A time of the day that starts at `dayMs`, by the customer's own rhythm. */
export const usualTimeMs = (customer: Customer, dayMs: number, random: Random): number =>
  dayMs + pick(random, customer.hourSums) * HOUR_MS + random.integer(HOUR_MS);
