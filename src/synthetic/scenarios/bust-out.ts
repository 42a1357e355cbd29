import { choose } from '../draws.js';
import { atStrength, atStrengthLog, freeCustomer, jittered, lacksHabits, NOBODY_FREE, usualTime } from '../fraud-scenario.js';
import type { FraudScenario } from '../fraud-scenario.js';
import { DAY_MS } from '../../domain/time.js';

const DAYS_MAX = 6;

/** A customer who will not pay his bills: amounts that rise from day to day, at his usual counterparts and hours. */
export const bustOut: FraudScenario = {
  name: 'bust-out',
  description: 'up to six days of 1 to 3 payments a day that rise from the habit to 1 to 12 times of it',
  lacks: lacksHabits,
  attack(scene, random, strength) {
    const customer = freeCustomer(scene, random);
    if (!customer) return NOBODY_FREE;
    const days = Math.min(DAYS_MAX, Math.floor((scene.toMs - scene.fromMs) / DAY_MS));
    if (days < 2) return 'the window is shorter than the two days over which amounts could rise';
    const firstMs = scene.fromMs + random.integer(Math.max(1, scene.toMs - scene.fromMs - days * DAY_MS));
    const perDay = Math.round(atStrength(strength, 1, 3));
    return Array.from({ length: days * perDay }, (_, i) => {
      const day = Math.floor(i / perDay);
      const ofDay = { ...scene, fromMs: firstMs + day * DAY_MS, toMs: firstMs + (day + 1) * DAY_MS };
      return {
        customer,
        like: choose(random, customer.rows),
        atMs: usualTime(ofDay, customer, random),
        amountMinor: jittered(customer.medianMinor * atStrengthLog(day / (days - 1), 1, atStrength(strength, 1, 12)), random),
      };
    });
  },
};
