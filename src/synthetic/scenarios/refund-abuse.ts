import { choose } from '../draws.js';
import { atStrength, freeCustomer, jittered, lacksHabits, NOBODY_FREE, spanIn } from '../fraud-scenario.js';
import type { FraudScenario } from '../fraud-scenario.js';
import { HOUR_MS } from '../../domain/time.js';

/** Fewer refunds do not say what an ordinary one looks like. */
const REFUNDS_MIN = 20;

/** Purchases that come back as refunds of the same amount and more; only where refunds are rows with negative amounts. */
export const refundAbuse: FraudScenario = {
  name: 'refund-abuse',
  description: '2 to 8 purchases of 1 to 5 times the habit, each refunded by up to half as much again within hours',
  lacks(stream) {
    const { length } = stream.refunds;
    return (
      lacksHabits(stream) ??
      (length >= REFUNDS_MIN
        ? null
        : `${length} of ${stream.rows.length} rows are refunds (negative amounts); ${REFUNDS_MIN} are needed`)
    );
  },
  attack(scene, random, strength) {
    const customer = freeCustomer(scene, random);
    if (!customer) return NOBODY_FREE;
    const pairs = Math.round(atStrength(strength, 2, 8));
    const { startMs, spanMs } = spanIn(scene, pairs * 6 * HOUR_MS, random);
    return Array.from({ length: pairs }, (_, i) => {
      const like = choose(random, customer.rows);
      const bought = jittered(customer.medianMinor * atStrength(strength, 1, 5), random);
      const boughtAtMs = startMs + Math.floor((spanMs * i) / pairs);
      const refundAtMs = boughtAtMs + Math.floor((spanMs * (0.2 + 0.6 * random.uniform())) / pairs);
      const refunded = Math.round(bought * (1 + 0.5 * strength * random.uniform()));
      const refund = choose(random, scene.stream.refunds);
      return [
        { customer, like, atMs: boughtAtMs, amountMinor: bought },
        { customer, like: { ...refund, entities: like.entities }, atMs: refundAtMs, amountMinor: -refunded },
      ];
    }).flat();
  },
};
