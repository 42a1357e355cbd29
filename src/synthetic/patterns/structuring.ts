import { usualTimeMs } from '../customers.js';
import { between, choose } from '../draws.js';
import { chooseMerchant } from '../merchants.js';
import type { Payment } from '../payment.js';
import type { AddingPattern } from './fraud-pattern.js';
import { DAY_MS } from '../../domain/time.js';

/** Transfers below this need no second look at the bank, in minor units. */
const THRESHOLD_MINOR = 100_000;

/** A mule account: for three to five days, several transfers a day to one recipient, each just below the threshold. */
export const structuring: AddingPattern = {
  kind: 'adding',
  type: 'structuring',
  campaignsPerThousand: 0.14,
  daysMax: 5,
  payments({ customers, merchants }, dayMs, random, strength) {
    const customer = choose(random, customers);
    const recipient = chooseMerchant(random, merchants, (m) => m.category === 'transfer');
    const days = 3 + random.integer(3);
    const aDay = Math.max(1, Math.round(2.5 * strength));
    return Array.from({ length: days * aDay }, (_, i): Payment => {
      const amountMinor = Math.round(THRESHOLD_MINOR * (1 - between(random, 0.005, 0.1)));
      const occurredAtMs = usualTimeMs(customer, dayMs + Math.floor(i / aDay) * DAY_MS, random);
      return { occurredAtMs, customer, merchant: recipient, amountMinor, channel: 'online' };
    });
  },
};
