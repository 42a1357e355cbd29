import { choose } from '../draws.js';
import { atStrength, jittered, lacksCounterpart, usualTime } from '../fraud-scenario.js';
import type { FraudScenario } from '../fraud-scenario.js';

const CUSTOMERS_MIN = 3;

/**
 * A merchant or terminal is compromised: payments there look like any other, so that labels that come later are what tells.
 * After scenario 2 of the Fraud Detection Handbook.
 */
export const counterpartCompromise: FraudScenario = {
  name: 'counterpart-compromise',
  description: '4 to 24 ordinary-looking payments of 3 to 12 of its own customers at one counterpart, all through the window',
  lacks: lacksCounterpart,
  attack(scene, random, strength) {
    const { stream, free } = scene;
    const isFree = new Set(free);
    const places = [...stream.customersAt].flatMap(([id, all]) => {
      const customers = all.filter((customer) => isFree.has(customer));
      return customers.length >= CUSTOMERS_MIN ? [{ id, customers }] : [];
    });
    if (places.length === 0) return `no counterpart has ${CUSTOMERS_MIN} customers that are not under another attack already`;
    const { id, customers } = choose(random, places);
    const wanted = Math.round(atStrength(strength, CUSTOMERS_MIN, 12));
    const first = random.integer(customers.length);
    const victims = Array.from(
      { length: Math.min(wanted, customers.length) },
      (_, i) => customers[(first + i) % customers.length]!,
    );
    return Array.from({ length: Math.round(atStrength(strength, 4, 24)) }, (_, i) => {
      const customer = victims[i % victims.length]!;
      const like = choose(
        random,
        customer.rows.filter((row) => row.entities[stream.counterpartIndex] === id),
      );
      const amountMinor = jittered(like.amountMinor > 0 ? like.amountMinor : customer.medianMinor, random);
      return { customer, like, atMs: usualTime(scene, customer, random), amountMinor };
    });
  },
};
