import fc from 'fast-check';
import { DAY, DELAY_DAYS, HOUR, ORACLE_FEATURES } from '../../test/support/feature-oracle.js';
import { markovLogOdds, writeRisk } from './entity-risk.js';
import { EvidenceCells } from './evidence.js';

const { plan } = ORACLE_FEATURES;
const [shop, device] = plan.secondary;
const NOW = 1000 * DAY;
const DELAY = DELAY_DAYS * DAY;

/** A cell, or a question: what features say at a time. */
type Step =
  | { readonly kind: 'add' | 'load'; readonly atMs: number; readonly bin: number; readonly nFraud: number }
  | { readonly kind: 'cut' | 'ask'; readonly atMs: number };
/** Few times, so that cells meet in a bucket and questions at the borders of windows and days. */
const atMs = fc
  .tuple(fc.constantFrom(-70, -60, -59, -30, -7, -2, -1, 0, 1, 2, 3), fc.constantFrom(0, 1000, HOUR, DAY - 1000))
  .map(([days, ms]) => NOW + days * DAY + ms);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('add' as const, 'load' as const),
    atMs,
    bin: fc.nat(3),
    nFraud: fc.constantFrom(-1, 0, 0, 1),
  }),
  fc.record({ kind: fc.constantFrom('ask' as const, 'ask' as const, 'ask' as const, 'cut' as const), atMs }),
);

const ask = (cells: EvidenceCells, ms: number): number[] => {
  const risk = new Float32Array(12);
  writeRisk(risk, writeRisk(risk, 0, plan, shop!, cells, ms), plan, device!, cells, ms);
  return [markovLogOdds(plan, shop!, cells, ms), ...risk];
};

describe('evidence cells', () => {
  it('say with what they keep what they say anew, to the bit, in any order of cells and questions', () => {
    let asked = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const kept = new EvidenceCells();
        let all: Extract<Step, { bin: number }>[] = [];
        for (const next of steps) {
          if (next.kind === 'add' || next.kind === 'load') {
            kept[next.kind](next.atMs, next.bin, 1, next.nFraud);
            all.push(next);
          } else if (next.kind === 'ask') {
            const anew = new EvidenceCells();
            for (const { atMs: ms, bin, nFraud } of all) anew.load(ms, bin, 1, nFraud);
            expect(ask(kept, next.atMs + DELAY)).toEqual(ask(anew, next.atMs + DELAY));
            asked += all.length > 0 ? 1 : 0;
          } else if (!all.some((one) => one.kind === 'add' && one.atMs < next.atMs)) {
            kept.cutAt(next.atMs);
            all = all.filter((one) => one.atMs < next.atMs);
          }
        }
      }),
      { numRuns: 300 },
    );
    expect(asked).toBeGreaterThan(2000);
  });

  it('are not cut behind what was added: the store’s may differ by now', () => {
    const cells = new EvidenceCells();
    cells.load(NOW, 0, 1, 0);
    cells.add(NOW + DAY, 0, 1, 0);
    expect(() => cells.cutAt(NOW + 2 * DAY)).toThrow('was added to');
    cells.cutAt(NOW + DAY);
    expect([cells.length, cells.firstAdded]).toEqual([1, Infinity]);
  });
});
