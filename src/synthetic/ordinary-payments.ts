import type { Random } from '../domain/random.js';
import { usualAmountMinor, usualTimeMs, type Customer } from './customers.js';
import { choose, pick, poisson } from './draws.js';
import { channelAt, type Merchant } from './merchants.js';
import type { Payment } from './payment.js';
import { DAY_MS } from '../domain/time.js';

/** Share of payments at a merchant that is no favourite. */
const EXPLORING = 0.04;
/** Share of ordinary payments that are a big purchase, and how much larger: honest rows that look odd. */
const BIG_PURCHASE = 0.004;
const BIG_PURCHASE_FACTOR = 4;

/** The honest payments of one customer on one day, unsorted. */
export const ordinaryPayments = (
  customer: Customer,
  merchants: readonly Merchant[],
  dayMs: number,
  random: Random,
): readonly Payment[] => {
  const weekday = new Date(dayMs + DAY_MS / 2).getUTCDay();
  const count = poisson(random, customer.paymentsPerDay * customer.weekdayFactors[weekday]!);
  return Array.from({ length: count }, () => {
    const exploring = random.uniform() < EXPLORING;
    const merchant = exploring ? choose(random, merchants) : customer.favourites[pick(random, customer.favouriteSums)]!;
    const factor = random.uniform() < BIG_PURCHASE ? BIG_PURCHASE_FACTOR : 1;
    return {
      occurredAtMs: usualTimeMs(customer, dayMs, random),
      customer,
      merchant,
      amountMinor: factor * usualAmountMinor(customer, merchant, random),
      channel: channelAt(merchant, customer.preferred, random),
    };
  });
};
