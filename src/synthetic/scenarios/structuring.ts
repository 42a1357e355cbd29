import { between, choose } from '../draws.js';
import { atStrength, freeCustomer, lacksHabits, NOBODY_FREE, spanIn, unfamiliarRow } from '../fraud-scenario.js';
import type { FraudScenario } from '../fraud-scenario.js';
import { DAY_MS } from '../../domain/time.js';

/** The smallest of 1, 2, 5, 10, 20, 50, … that is at least `minor`. */
export const roundLimitMinor = (minor: number): number => {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, minor)));
  return [1, 2, 5, 10].map((digit) => digit * power).find((limit) => limit >= minor) ?? 10 * power;
};

/** One large sum in parts: payments to one counterpart, each just below a round limit. */
export const structuring: FraudScenario = {
  name: 'structuring',
  description: '3 to 9 payments to one counterpart in three days, each 0.5 to 5 % below a round limit of 1 to 10 times the habit',
  lacks: lacksHabits,
  attack(scene, random, strength) {
    const customer = freeCustomer(scene, random);
    if (!customer) return NOBODY_FREE;
    const like = random.uniform() < strength ? unfamiliarRow(scene, customer, random) : choose(random, customer.rows);
    const limit = roundLimitMinor(customer.medianMinor * atStrength(strength, 1, 10));
    const { startMs, spanMs } = spanIn(scene, 3 * DAY_MS, random);
    return Array.from({ length: Math.round(atStrength(strength, 3, 9)) }, () => ({
      customer,
      like,
      atMs: startMs + Math.floor(spanMs * random.uniform()),
      amountMinor: Math.max(1, Math.floor(limit * (1 - between(random, 0.005, 0.05)))),
    }));
  },
};
