import { choose } from '../draws.js';
import {
  atStrength,
  freeCustomer,
  jittered,
  lacksHabits,
  NOBODY_FREE,
  oddTime,
  unfamiliarRow,
  usualTime,
} from '../fraud-scenario.js';
import type { FraudScenario, Scene } from '../fraud-scenario.js';
import { DAY_MS } from '../../domain/time.js';

/** Longest it goes unnoticed by the customer. */
const DAYS = 2;

/** Somebody else uses the account: amounts k times the habit, unusual hours, unfamiliar counterparts. */
export const accountTakeover: FraudScenario = {
  name: 'account-takeover',
  description:
    '3 to 7 payments in two days: amounts 1 to 8 times the habit, with rising strength at quiet hours and unfamiliar counterparts',
  lacks: lacksHabits,
  attack(scene, random, strength) {
    const customer = freeCustomer(scene, random);
    if (!customer) return NOBODY_FREE;
    const firstMs = scene.fromMs + random.integer(Math.max(1, scene.toMs - scene.fromMs - DAYS * DAY_MS));
    const days: Scene = { ...scene, fromMs: firstMs, toMs: Math.min(scene.toMs, firstMs + DAYS * DAY_MS) };
    return Array.from({ length: 3 + random.integer(5) }, () => ({
      customer,
      like: random.uniform() < strength ? unfamiliarRow(scene, customer, random) : choose(random, customer.rows),
      atMs: random.uniform() < strength ? oddTime(days, customer, random) : usualTime(days, customer, random),
      amountMinor: jittered(customer.medianMinor * atStrength(strength, 1, 8), random),
    }));
  },
};
