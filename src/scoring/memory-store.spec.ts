import type { Label } from '../domain/label.js';
import { MemoryScoringStore } from './memory-store.js';
import type { BatchCommit } from './ports.js';

const cell = { entities: ['customer', 'shop'], occurredAtMs: 61_000, amountBin: 3 };
const label = (isFraud: boolean): Label => ({ transactionId: 'a', isFraud, type: null, source: 'test', knownAtMs: 0 });
const empty = (): MemoryScoringStore => new MemoryScoringStore([{ entityType: 'merchant', widthMs: 60_000 }]);
const arrive = (store: MemoryScoringStore): Promise<unknown> => {
  const row = { scored: { transaction: { id: 'a', ...cell } }, contentHash: 'x', amountBin: cell.amountBin };
  return store.commit({ rows: [row], states: [], evidence: [] } as unknown as BatchCommit);
};
const fraudsIn = async (store: MemoryScoringStore): Promise<number> => {
  const evidence = [{ entityType: 'merchant', entityId: 'shop', fromMs: 0, kept: null }];
  const keys = { transactionIds: [], featureSet: '', primaryIds: [], evidence, evidenceToMs: 1e9, settledBeforeMs: 0 };
  const cells = [...(await store.read(keys)).evidence];
  for (const { bucketMs, bin, n } of cells) expect({ bucketMs, bin, n }).toEqual({ bucketMs: 60_000, bin: 3, n: 0 });
  return cells.reduce((sum, { nFraud }) => sum + nFraud, 0);
};

describe('labels of the memory store', () => {
  it('count once, are taken off when withdrawn, and count again', async () => {
    const store = empty();
    await arrive(store);
    const counts: number[] = [];
    for (const isFraud of [false, true, true, false, false, true]) {
      store.applyLabel(label(isFraud));
      counts.push(await fraudsIn(store));
    }
    expect(counts).toEqual([0, 1, 1, 0, 0, 1]);
  });

  it('wait for their transaction, unless they are withdrawn before it comes', async () => {
    const [waiting, withdrawn] = [empty(), empty()];
    waiting.applyLabel(label(true));
    withdrawn.applyLabel(label(true));
    withdrawn.applyLabel(label(false));
    for (const store of [waiting, withdrawn]) await arrive(store);
    expect([await fraudsIn(waiting), await fraudsIn(withdrawn)]).toEqual([1, 0]);
  });

  it('go on from a history that counted them already', async () => {
    const store = empty();
    store.expectLabels([['a', { ...cell, isFraud: true }]]);
    store.applyLabel(label(true));
    expect(await fraudsIn(store)).toBe(0);
    store.applyLabel(label(false));
    expect(await fraudsIn(store)).toBe(-1);
  });
});
