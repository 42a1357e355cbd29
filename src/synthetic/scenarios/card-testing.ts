import { choose } from '../draws.js';
import {
  atStrength,
  atStrengthLog,
  freeCustomer,
  jittered,
  lacksHabits,
  NOBODY_FREE,
  spanIn,
  unfamiliarRow,
} from '../fraud-scenario.js';
import type { FraudScenario } from '../fraud-scenario.js';

/** A stolen card is tried out: a burst of tiny payments at one counterpart, most often one that the customer never paid at. */
export const cardTesting: FraudScenario = {
  name: 'card-testing',
  description: '3 to 12 payments at one counterpart within an hour to minutes, from usual amounts down to 1 % of them',
  lacks: lacksHabits,
  attack(scene, random, strength) {
    const customer = freeCustomer(scene, random);
    if (!customer) return NOBODY_FREE;
    const count = Math.round(atStrength(strength, 3, 12));
    const like = random.uniform() < strength ? unfamiliarRow(scene, customer, random) : choose(random, customer.rows);
    const amount = customer.medianMinor * atStrengthLog(strength, 1, 0.01);
    const { startMs, spanMs } = spanIn(scene, count * atStrengthLog(strength, 20, 0.5) * 60_000, random);
    return Array.from({ length: count }, (_, i) => ({
      customer,
      like,
      atMs: startMs + Math.floor((spanMs * (i + random.uniform())) / count),
      amountMinor: jittered(amount, random),
    }));
  },
};
