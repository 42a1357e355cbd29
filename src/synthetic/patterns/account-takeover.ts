import { usualAmountMinor } from '../customers.js';
import { between, choose } from '../draws.js';
import type { Payment } from '../payment.js';
import type { AddingPattern } from './fraud-pattern.js';
import { DAY_MS, HOUR_MS } from '../../domain/time.js';

/** Somebody else uses the account for one to three nights: amounts several times the habit, odd hours, new merchants. */
export const accountTakeover: AddingPattern = {
  kind: 'adding',
  type: 'account-takeover',
  campaignsPerThousand: 0.34,
  daysMax: 4,
  payments({ customers, merchants }, dayMs, random, strength) {
    const customer = choose(random, customers);
    const online = merchants.filter((m) => m.setting === 'online');
    const unknown = online.filter((m) => !customer.favourites.includes(m));
    // In a tiny world a customer may know them all.
    const shops = unknown.length > 0 ? unknown : online;
    const count = 3 + random.integer(5);
    const nights = 1 + random.integer(3);
    return Array.from({ length: count }, (): Payment => {
      const merchant = choose(random, shops);
      const factor = 1 + between(random, 1.5, 5) * strength;
      const oddMs = ((customer.quietHour + between(random, -1.5, 2.5) + 24) % 24) * HOUR_MS;
      return {
        occurredAtMs: dayMs + random.integer(nights) * DAY_MS + Math.floor(oddMs),
        customer,
        merchant,
        amountMinor: Math.round(usualAmountMinor(customer, merchant, random) * factor),
        channel: 'online',
      };
    });
  },
};
