import { choose } from '../draws.js';
import { atStrength, atStrengthLog, freeCustomer, lacksHabits, NOBODY_FREE, spanIn } from '../fraud-scenario.js';
import type { FraudScenario } from '../fraud-scenario.js';
import { HOUR_MS } from '../../domain/time.js';

/** No pattern but the pace: the customer's own amounts, at counterparts of anybody, one after the other. */
export const randomBurst: FraudScenario = {
  name: 'random-burst',
  description: '5 to 20 payments of usual amounts at random counterparts within a day down to a quarter of an hour',
  lacks: lacksHabits,
  attack(scene, random, strength) {
    const customer = freeCustomer(scene, random);
    if (!customer) return NOBODY_FREE;
    const { startMs, spanMs } = spanIn(scene, atStrengthLog(strength, 24, 0.25) * HOUR_MS, random);
    const paid = customer.rows.filter((row) => row.amountMinor > 0);
    return Array.from({ length: Math.round(atStrength(strength, 5, 20)) }, () => ({
      customer,
      like: choose(random, scene.stream.rows),
      atMs: startMs + Math.floor(spanMs * random.uniform()),
      amountMinor: choose(random, paid).amountMinor,
    }));
  },
};
