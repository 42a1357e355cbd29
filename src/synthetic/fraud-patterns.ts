import type { Random } from '../domain/random.js';
import type { Transaction } from '../domain/transaction.js';
import { choose } from './draws.js';
import { checkStrength, composeTransaction, usualTime, type Draft, type FraudScenario, type Scene } from './fraud-scenario.js';
import type { ObservedCustomer, ObservedStream } from './observed-stream.js';
import { accountTakeover } from './scenarios/account-takeover.js';
import { bustOut } from './scenarios/bust-out.js';
import { cardTesting } from './scenarios/card-testing.js';
import { counterpartCompromise } from './scenarios/counterpart-compromise.js';
import { mule } from './scenarios/mule.js';
import { randomBurst } from './scenarios/random-burst.js';
import { refundAbuse } from './scenarios/refund-abuse.js';
import { structuring } from './scenarios/structuring.js';

/** Known ways to steal, whatever the schema calls its entities; each says itself whether a stream can show it. */
export const FRAUD_SCENARIOS: readonly FraudScenario[] = [
  cardTesting,
  accountTakeover,
  bustOut,
  counterpartCompromise,
  mule,
  refundAbuse,
  structuring,
  randomBurst,
];

export interface Attack {
  /** "card-testing/0.6/3": the same for the same stream, settings and seed. */
  readonly id: string;
  readonly scenario: string;
  readonly strength: number;
  /** In event order, inside the window; ids begin with the attack's. */
  readonly transactions: readonly Transaction[];
}

/** Attacks on separate customers, and ordinary payments of customers that none of them touches: one replay of the window. */
export interface AttackPass {
  readonly attacks: readonly Attack[];
  readonly ordinary: readonly Transaction[];
}

export interface AttackPlan {
  readonly passes: readonly AttackPass[];
  /** Scenarios that the stream cannot show, each with the reason; never faked. */
  readonly notApplicable: readonly { readonly scenario: string; readonly reason: string }[];
  /** Attacks that found no room in the passes allowed. */
  readonly leftOut: number;
}

export interface AttackSettings {
  readonly strengths: readonly number[];
  /** Attacks of each scenario at each strength. */
  readonly attacks: number;
  /** Ordinary payments, over all passes. */
  readonly ordinary: number;
  /** At most this share of the customers with a habit is attacked in one pass. */
  readonly customersShareMax: number;
  readonly passesMax: number;
}

interface OpenScene {
  readonly attacks: Attack[];
  readonly attacked: Set<ObservedCustomer>;
}

/**
 * Draws every attack once and puts it into the first pass in which its customers are still free. Deterministic, and the
 * same for every model: what two models are compared on.
 *
 * @param window attacks begin and end in [fromMs, toMs); whole milliseconds, not empty
 * @throws RangeError naming a strength outside 0 to 1 or an empty window
 */
export const planAttacks = (
  stream: ObservedStream,
  window: { readonly fromMs: number; readonly toMs: number },
  settings: AttackSettings,
  random: Random,
): AttackPlan => {
  settings.strengths.forEach(checkStrength);
  if (!(window.toMs > window.fromMs)) throw new RangeError(`window: ${window.fromMs} to ${window.toMs} holds no time`);
  const impossible = new Map<string, string>();
  for (const scenario of FRAUD_SCENARIOS) {
    const reason = scenario.lacks(stream);
    if (reason !== null) impossible.set(scenario.name, reason);
  }
  const open: OpenScene[] = [];
  const customersMax = Math.max(1, Math.floor(settings.customersShareMax * stream.customers.length));
  let leftOut = 0;
  for (let number = 0; number < settings.attacks; number += 1)
    for (const strength of settings.strengths)
      for (const scenario of FRAUD_SCENARIOS) {
        if (impossible.has(scenario.name)) continue;
        const id = `${scenario.name}/${strength}/${number}`;
        const placed = place(
          scenario,
          { id, strength, random: random.fork(id) },
          { stream, ...window },
          open,
          customersMax,
          settings,
        );
        if (placed === 'no-room') leftOut += 1;
        else if (placed !== 'placed') impossible.set(scenario.name, placed.reason);
      }
  const perPass = Math.ceil(settings.ordinary / Math.max(1, open.length));
  return {
    passes: open.map(({ attacks, attacked }, i) => ({
      attacks,
      ordinary: habitualPayments({ stream, ...window, free: withoutAttacked(stream, attacked) }, perPass, i, random),
    })),
    notApplicable: Array.from(impossible, ([scenario, reason]) => ({ scenario, reason })),
    leftOut,
  };
};

type Placed = 'placed' | 'no-room' | { readonly reason: string };

const place = (
  scenario: FraudScenario,
  attack: { readonly id: string; readonly strength: number; readonly random: Random },
  window: Omit<Scene, 'free'>,
  open: OpenScene[],
  customersMax: number,
  { passesMax }: AttackSettings,
): Placed => {
  for (let i = 0; i <= open.length && i < passesMax; i += 1) {
    const scene = open[i] ?? { attacks: [], attacked: new Set<ObservedCustomer>() };
    if (scene.attacked.size >= customersMax) continue;
    const free = withoutAttacked(window.stream, scene.attacked);
    const drafts = scenario.attack({ ...window, free }, attack.random.fork(`pass/${i}`), attack.strength);
    if (typeof drafts === 'string') {
      // Not even where nobody is attacked yet.
      if (scene.attacked.size === 0) return { reason: drafts };
      continue;
    }
    const victims = new Set(drafts.map(({ customer }) => customer));
    if (scene.attacked.size > 0 && scene.attacked.size + victims.size > customersMax) continue;
    for (const victim of victims) scene.attacked.add(victim);
    scene.attacks.push({
      id: attack.id,
      scenario: scenario.name,
      strength: attack.strength,
      transactions: composed(window.stream, drafts, attack.id),
    });
    if (i === open.length) open.push(scene);
    return 'placed';
  }
  return 'no-room';
};

const withoutAttacked = ({ customers }: ObservedStream, attacked: ReadonlySet<ObservedCustomer>): readonly ObservedCustomer[] =>
  attacked.size === 0 ? customers : customers.filter((customer) => !attacked.has(customer));

const composed = (stream: ObservedStream, drafts: readonly Draft[], id: string): readonly Transaction[] =>
  [...drafts].sort((a, b) => a.atMs - b.atMs).map((draft, i) => composeTransaction(stream, draft, `rehearsed/${id}/${i}`));

/** Payments as the customers make them anyway, at most one each: what a sound line alerts on no more than on any other. */
const habitualPayments = (scene: Scene, count: number, pass: number, random: Random): readonly Transaction[] => {
  const { stream, free } = scene;
  const draw = random.fork(`ordinary/${pass}`);
  const isFree = new Set(free);
  const drafts = new Map<ObservedCustomer, Draft>();
  // By rows, not by customers: who pays often is drawn often, as in the stream.
  for (let tries = 0; drafts.size < Math.min(count, free.length) && tries < 50 * count; tries += 1) {
    const row = choose(draw, stream.rows);
    const customer = stream.customerById.get(row.entities[0] ?? '');
    if (!customer || !isFree.has(customer) || drafts.has(customer)) continue;
    const like = choose(draw, customer.rows);
    drafts.set(customer, { customer, like, atMs: usualTime(scene, customer, draw), amountMinor: like.amountMinor });
  }
  return composed(stream, [...drafts.values()], `ordinary/${pass}`);
};
