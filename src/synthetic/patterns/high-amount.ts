import { usualTimeMs } from '../customers.js';
import { between, choose } from '../draws.js';
import { channelAt } from '../merchants.js';
import type { AddingPattern } from './fraud-pattern.js';

/** One payment far above the customer's habit, at an ordinary hour. */
export const highAmount: AddingPattern = {
  kind: 'adding',
  type: 'high-amount',
  campaignsPerThousand: 1.1,
  daysMax: 1,
  payments({ customers, merchants }, dayMs, random, strength) {
    const customer = choose(random, customers);
    const merchant = choose(random, random.uniform() < 0.5 ? customer.favourites : merchants);
    const deviations = between(random, 3.5, 5.5) * strength;
    const logAmount = customer.logAmountMean + merchant.logAmountShift + customer.logAmountSd * deviations;
    return [
      {
        occurredAtMs: usualTimeMs(customer, dayMs, random),
        customer,
        merchant,
        amountMinor: Math.round(Math.exp(logAmount)),
        channel: channelAt(merchant, customer.preferred, random),
      },
    ];
  },
};
