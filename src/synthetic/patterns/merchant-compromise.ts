import { MEAN_PAYMENTS_PER_DAY } from '../customers.js';
import { choose } from '../draws.js';
import type { Merchant } from '../merchants.js';
import type { Population, TaintingPattern } from './fraud-pattern.js';

/** Payments that a campaign aims at, as a share of the world's. */
const SHARE_OF_WORLD = 0.001;

/** Expected ordinary payments a day at each merchant's favourites' counters; exploring visits are left out. */
const paymentsPerDay = ({ customers }: Population): Map<Merchant, number> => {
  const rates = new Map<Merchant, number>();
  for (const { favourites, favouriteSums, paymentsPerDay: rate } of customers) {
    const total = favouriteSums[favouriteSums.length - 1]!;
    favourites.forEach((merchant, i) => {
      const weight = favouriteSums[i]! - (favouriteSums[i - 1] ?? 0);
      rates.set(merchant, (rates.get(merchant) ?? 0) + (rate * weight) / total);
    });
  }
  return rates;
};

/**
 * A small merchant's terminal is compromised for two to four weeks: most payments made there are fraud though they look
 * like any other, so that only labels that arrive later tell. After scenario 2 of the Fraud Detection Handbook.
 */
export const merchantCompromise: TaintingPattern = {
  kind: 'tainting',
  type: 'merchant-compromise',
  campaignsPerThousand: 0.125,
  daysMax: 28,
  campaign(population, random, strength) {
    const aim = SHARE_OF_WORLD * population.customers.length * MEAN_PAYMENTS_PER_DAY;
    // Merchants of about the wanted size: nearest in log-rate, an eighth of all that have regular customers.
    const bySize = [...paymentsPerDay(population)].sort(
      ([, a], [, b]) => Math.abs(Math.log(a / aim)) - Math.abs(Math.log(b / aim)),
    );
    const candidates = bySize.slice(0, Math.max(3, Math.ceil(bySize.length / 8)));
    return { merchant: choose(random, candidates)[0], days: 14 + random.integer(15), share: Math.min(1, 0.8 * strength) };
  },
};
