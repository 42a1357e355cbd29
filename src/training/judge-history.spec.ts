import { judgeHistory, type MaturedRow } from './judge-history.js';

const row = (day: number, card: string, score: number, isFraud: boolean, alerted: boolean): MaturedRow => ({
  ...{ occurredAtMs: day * 86_400_000 + 5, card, score, isFraud, alerted },
});
async function* parts(...rows: readonly MaturedRow[][]): AsyncGenerator<readonly MaturedRow[]> {
  await Promise.resolve();
  yield* rows;
}

describe('judging decided history', () => {
  it('counts alerts and frauds, and ranks', async () => {
    // Ranked: fraud, legitimate, fraud, legitimate: AP = (1 + 2/3) / 2; AUROC: 3 of 4 pairs are right.
    const first = [row(1, 'a', 0.9, true, true), row(1, 'b', 0.8, false, true)];
    const second = [row(2, 'c', 0.7, true, false), row(2, 'd', 0.1, false, false)];
    const quality = await judgeHistory(parts(first, second));
    expect(quality).toMatchObject({
      rows: 4,
      frauds: 2,
      recall: { count: 1, of: 2, share: 0.5 },
      precision: { count: 1, of: 2 },
    });
    expect(quality.averagePrecision).toBeCloseTo(5 / 6, 12);
    expect(quality.auroc).toBe(0.75);
    // One card with a fraud among a hundred places, each day.
    expect(quality.cardPrecisionAt100).toBeCloseTo(0.01, 12);
  });

  it('says nothing of a ranking without both kinds, and nothing of no rows', async () => {
    const only = await judgeHistory(parts([row(1, 'a', 1, false, true)]));
    expect(only).toMatchObject({ auroc: null, averagePrecision: null, cardPrecisionAt100: null, precision: { share: 0 } });
    expect(only.recall).toMatchObject({ share: null, of: 0 });
    expect(await judgeHistory(parts())).toMatchObject({ rows: 0, precision: { share: null } });
  });
});
