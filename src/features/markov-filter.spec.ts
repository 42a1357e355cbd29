import { createRandom } from '../domain/random.js';
import { TransactionSchemaDefinition } from '../domain/transaction-schema.js';
import { createFeatureSet } from './catalog.js';
import { markovLogOdds } from './entity-risk.js';
import { EvidenceCells } from './evidence.js';
import { fitMarkov, type MarkovEvent } from './fit-markov.js';
import { AMOUNT_BINS, evidenceRatio, markovTables, withEvidence } from './markov-filter.js';
import type { MarkovPriors } from './feature-priors.js';

const DAY = 86_400_000;
const markov: MarkovPriors = {
  rows: 1,
  q0: Array.from({ length: AMOUNT_BINS }, (_, i) => 0.002 + 0.06 * i),
  l01: 1e-3,
  l10: 1 / 28,
  e1: 0.6,
};
const planWith = (bucketSeconds: 1 | 60 | 3600) =>
  createFeatureSet(
    TransactionSchemaDefinition.parse({
      name: 'm',
      description: '',
      id: 'id',
      time: { column: 'at', format: 'sql' },
      entities: [
        { name: 'customer', column: 'customer' },
        { name: 'shop', column: 'shop', bucketSeconds },
      ],
      amount: { column: 'amount', currency: 'EUR' },
      label: { column: 'fraud', delayDays: 7 },
      features: { set: 'full', markovEntity: 'shop' },
    }),
    { rows: 1, m0: 3, v0: 1, hours: Array<number>(6).fill(1 / 6), levels: {}, categories: null, markov },
  ).plan;

const logOdds = (bucketSeconds: 1 | 60 | 3600, events: readonly MarkovEvent[], ms: number): number => {
  const plan = planWith(bucketSeconds);
  const cells = new EvidenceCells();
  for (const e of events) {
    const width = bucketSeconds * 1000;
    cells.add(e.occurredAtMs - (e.occurredAtMs % width), e.bin, 1, e.isFraud ? 1 : 0);
  }
  return markovLogOdds(plan, plan.secondary[0]!, cells, ms);
};

describe('the Markov filter', () => {
  it('with hourly cells differs little from the exact one', () => {
    const random = createRandom(5);
    let worst = 0;
    for (let run = 0; run < 40; run += 1) {
      const events: MarkovEvent[] = [];
      // Whole hours at which the row is scored, so that both see the same events.
      for (let i = 0; i < 120; i += 1) {
        const occurredAtMs = Math.floor(random.uniform() * 55 * 86_400) * 1000;
        events.push({ occurredAtMs, bin: random.integer(AMOUNT_BINS), isFraud: random.uniform() < (run % 4) / 6 });
      }
      const now = 65 * DAY;
      worst = Math.max(worst, Math.abs(logOdds(3600, events, now) - logOdds(1, events, now)));
    }
    expect(worst).toBeGreaterThan(0);
    expect(worst).toBeLessThan(0.1);
  });

  it('reads labels only after their delay, and a withdrawn one not at all', () => {
    const fraud = [{ occurredAtMs: 0, bin: 0, isFraud: true }];
    const prior = Math.log(markov.l01 / markov.l10);
    expect(logOdds(1, fraud, 7 * DAY - 1)).toBeCloseTo(prior, 12);
    expect(logOdds(1, fraud, 7 * DAY)).toBeGreaterThan(prior + 2);
    const cells = new EvidenceCells();
    cells.add(0, 0, 1, 0);
    cells.add(0, 0, 0, 1);
    cells.add(0, 0, 0, -1);
    const plan = planWith(1);
    expect(markovLogOdds(plan, plan.secondary[0]!, cells, 7 * DAY)).toBe(logOdds(1, [{ ...fraud[0]!, isFraud: false }], 7 * DAY));
  });

  it('explains away: fraud far beyond the customer’s habit says less of the shop', () => {
    const odds = (bin: number): number => logOdds(1, [{ occurredAtMs: 0, bin, isFraud: true }], 8 * DAY);
    expect(odds(2)).toBeGreaterThan(odds(9) + 1);
  });

  it('can always change its mind', () => {
    const tables = markovTables(markov);
    let p = 0.5;
    for (let i = 0; i < 500; i += 1) p = withEvidence(p, evidenceRatio(tables, 0, 40, 40));
    expect(p).toBeLessThan(1);
    for (let i = 0; i < 60; i += 1) p = withEvidence(p, evidenceRatio(tables, 0, 3, 0));
    expect(p).toBeLessThan(0.5);
  });

  it('a cell of many is the product of its transactions', () => {
    const tables = markovTables(markov);
    const one = evidenceRatio(tables, 3, 1, 0);
    const fraud = evidenceRatio(tables, 3, 1, 1);
    expect(evidenceRatio(tables, 3, 5, 2)).toBeCloseTo(one ** 3 * fraud ** 2, 9);
    expect(evidenceRatio(tables, 3, 0, 0)).toBe(1);
  });
});

describe('fitMarkov', () => {
  it('finds the rates of the grid that made the labels', () => {
    const random = createRandom(11);
    const truth = { l01: 4e-3, l10: 1 / 14, e1: 0.6 };
    const sequences = new Map<string, MarkovEvent[]>();
    for (let shop = 0; shop < 150; shop += 1) {
      let isCompromised = random.uniform() < truth.l01 / (truth.l01 + truth.l10);
      const events: MarkovEvent[] = [];
      for (let i = 0; i < 240; i += 1) {
        if (random.uniform() < (isCompromised ? truth.l10 : truth.l01) / 2) isCompromised = !isCompromised;
        events.push({
          occurredAtMs: (i * DAY) / 2,
          bin: random.integer(4),
          isFraud: random.uniform() < (isCompromised ? truth.e1 : 0.004),
        });
      }
      sequences.set(`s${shop}`, events);
    }
    const fitted = fitMarkov(sequences);
    expect(fitted).toMatchObject({ ...truth, rows: 150 * 240 });
    // The bins hold no difference in this world, and q0 none either; it is of all shops, compromised ones included.
    for (const q of fitted.q0.slice(0, 4)) expect(q).toBeLessThan(0.08);
  });

  it('without a known fraud keeps the defaults', () => {
    const fitted = fitMarkov(new Map([['s', [{ occurredAtMs: 0, bin: 1, isFraud: false }]]]));
    expect(fitted).toMatchObject({ rows: 1, l01: 2e-4, l10: 1 / 28, e1: 0.95 });
    expect(fitted.q0.every((q) => q >= 1e-4 && q < 0.01)).toBe(true);
  });
});
