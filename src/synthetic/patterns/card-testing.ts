import { between, choose } from '../draws.js';
import { chooseMerchant } from '../merchants.js';
import type { Payment } from '../payment.js';
import type { AddingPattern } from './fraud-pattern.js';
import { DAY_MS } from '../../domain/time.js';

/** A stolen card is tried out: five to nine small online payments at one merchant within minutes. */
export const cardTesting: AddingPattern = {
  kind: 'adding',
  type: 'card-testing',
  campaignsPerThousand: 0.32,
  daysMax: 2,
  payments({ customers, merchants }, dayMs, random, strength) {
    const customer = choose(random, customers);
    const merchant = chooseMerchant(random, merchants, (m) => m.setting === 'online');
    const count = Math.max(2, Math.round((5 + random.integer(5)) * strength));
    let atMs = dayMs + random.integer(DAY_MS);
    return Array.from({ length: count }, (): Payment => {
      atMs += 10_000 + random.integer(110_000);
      return { occurredAtMs: atMs, customer, merchant, amountMinor: Math.round(between(random, 50, 400)), channel: 'online' };
    });
  },
};
