import { createFeatureSet } from '../features/catalog.js';
import { fitPriors } from '../features/priors.js';
import { createRandom } from '../domain/random.js';
import type { Label } from '../domain/label.js';
import { demoHistory, WORLD_START_MS } from '../../test/support/demo-history.js';
import { DAY_MS } from '../domain/time.js';
import { buildDataset } from './dataset.js';
import { HistoryMemory, type MemoryPart } from './history-memory.js';

const { schema, transactions, labels: frauds } = demoHistory({ seed: 5, customers: 60, days: 12 });
const toMs = WORLD_START_MS + 12 * DAY_MS;
const featureSet = createFeatureSet(schema, fitPriors(schema, transactions, frauds, toMs));
// Some are withdrawn, and some come before their transaction.
const labels: Label[] = frauds.flatMap((label, i) => {
  const early = i % 5 === 0 ? { ...label, knownAtMs: WORLD_START_MS } : label;
  return i % 3 === 0 ? [early, { ...label, isFraud: false, knownAtMs: label.knownAtMs + DAY_MS }] : [early];
});

const wholeOf = (memory: HistoryMemory) => {
  const parts: MemoryPart[] = [...memory.parts()];
  return {
    states: new Map(
      parts.flatMap((part) => part.states).map(({ entityId, bytes }) => [entityId, Buffer.from(bytes).toString('hex')]),
    ),
    evidence: parts.flatMap((part) => part.evidence),
    fraudCells: new Map(parts.flatMap((part) => part.fraudCells)),
  };
};

describe('memory of a history', () => {
  it('is that of the data set, in whatever pieces the history comes', async () => {
    const { activity, fraudCells } = await buildDataset(featureSet, transactions, labels, { keepFromMs: toMs, keepToMs: toMs });
    const random = createRandom(1);
    const memory = new HistoryMemory(featureSet, labels);
    for (let from = 0; from < transactions.length;) {
      const to = from + 1 + random.integer(97);
      memory.learn(transactions.slice(from, to));
      from = to;
    }
    const whole = wholeOf(memory);
    expect(whole.states).toEqual(
      new Map(activity.states().map(({ entityId, bytes }) => [entityId, Buffer.from(bytes).toString('hex')])),
    );
    expect(whole.states.size).toBeGreaterThan(40);
    expect(whole.evidence).toEqual(activity.evidenceDeltas());
    expect(whole.evidence.some(({ nFraud }) => nFraud > 0)).toBe(true);
    expect(whole.fraudCells).toEqual(fraudCells);
    expect([...fraudCells.values()].some(({ isFraud }) => isFraud)).toBe(true);
  });

  it('of nothing is nothing', () => {
    const memory = new HistoryMemory(featureSet, labels);
    memory.learn([]);
    expect([...memory.parts()]).toEqual([]);
  });
});
