import { choose } from '../draws.js';
import { atStrength, jittered, lacksCounterpart, NOBODY_FREE, spanIn } from '../fraud-scenario.js';
import type { FraudScenario } from '../fraud-scenario.js';
import type { ObservedCustomer } from '../observed-stream.js';
import { DAY_MS } from '../../domain/time.js';

const CUSTOMERS_MIN = 3;

/** A counterpart that nobody has paid before collects from many customers within days. */
export const mule: FraudScenario = {
  name: 'mule',
  description:
    '4 to 15 customers pay 1 to 4 times their habit to one counterpart that is new to the stream, within five days to one',
  lacks: lacksCounterpart,
  attack(scene, random, strength) {
    const { free, stream } = scene;
    if (free.length < CUSTOMERS_MIN) return NOBODY_FREE;
    const wanted = Math.min(free.length, Math.round(atStrength(strength, 4, 15)));
    const victims = new Set<ObservedCustomer>();
    for (let tries = 0; victims.size < wanted && tries < 50 * wanted; tries += 1) victims.add(choose(random, free));
    const like = choose(random, stream.rows);
    const { startMs, spanMs } = spanIn(scene, atStrength(strength, 5, 1) * DAY_MS, random);
    let counterpart = newName(random);
    while (stream.customersAt.has(counterpart)) counterpart = newName(random);
    return Array.from(victims, (customer) => ({
      customer,
      like,
      counterpart,
      atMs: startMs + Math.floor(spanMs * random.uniform()),
      amountMinor: jittered(customer.medianMinor * atStrength(strength, 1, 4), random),
    }));
  },
};

const newName = (random: { integer(n: number): number }): string => `rehearsed-${String(random.integer(1e9)).padStart(9, '0')}`;
