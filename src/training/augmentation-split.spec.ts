import { createRandom } from '../domain/random.js';
import { AugmentSettingsSchema } from './augment-settings.js';
import { splitForAugmentation, type AugmentationSplit, type AugmentRows } from './augmentation-split.js';

const settings = AugmentSettingsSchema.parse({ fraudsMin: 10, judgedEntitiesMin: 5 });
const rowsOf = (count: number, isFraud: (r: number) => boolean, entity = (r: number): number => r >> 1): AugmentRows => ({
  labels: Uint8Array.from({ length: count }, (_, r) => (isFraud(r) ? 1 : 0)),
  entities: Int32Array.from({ length: count }, (_, r) => entity(r)),
  occurredAtMs: Float64Array.from({ length: count }, (_, r) => 1000 * r),
});
const split = (rows: AugmentRows, more = {}): AugmentationSplit | string =>
  splitForAugmentation(rows, { ...settings, ...more }, createRandom(1));

describe('split for augmentation', () => {
  it('judges on later rows, whole entities in one half, none known as compromised', () => {
    // Entities go on from the earlier part to the later one, and seven rows have one instant.
    const random = createRandom(2);
    const rows = {
      ...rowsOf(
        3000,
        () => random.uniform() < 0.04,
        () => random.integer(900),
      ),
      occurredAtMs: Float64Array.from({ length: 3000 }, (_, r) => Math.floor(r / 7)),
    };
    const { earlier, choosing, confirming } = split(rows) as AugmentationSplit;
    const judging = [...choosing, ...confirming];
    expect(Math.max(...earlier)).toBeLessThan(Math.min(...judging));
    expect(rows.occurredAtMs[Math.max(...earlier)]).toBeLessThan(rows.occurredAtMs[Math.min(...judging)]!);
    const known = new Set([...earlier].filter((r) => rows.labels[r] === 1).map((r) => rows.entities[r]));
    expect(judging.some((r) => known.has(rows.entities[r]))).toBe(false);
    const chosen = new Set([...choosing].map((r) => rows.entities[r]));
    expect([...confirming].some((r) => chosen.has(rows.entities[r]))).toBe(false);
    // Every later row of the other entities is in one of the halves.
    const later = [...rows.labels.keys()].filter((r) => r > Math.max(...earlier) && !known.has(rows.entities[r]));
    expect([...judging].sort((a, b) => a - b)).toEqual(later);
  });

  it('gives both halves as many compromised entities', () => {
    const rows = rowsOf(4000, (r) => r % 40 === 0);
    const { choosing, confirming } = split(rows) as AugmentationSplit;
    const frauds = (part: Uint32Array): number => part.reduce((sum, r) => sum + rows.labels[r]!, 0);
    expect([frauds(choosing), frauds(confirming)]).toEqual([20, 20]);
  });

  it('draws legitimate rows beyond the limit, and says what each stands for', () => {
    const rows = rowsOf(10_000, (r) => r % 50 === 0);
    const { earlier, choosing, confirming, legitimateWeight } = split(rows, { rowsMax: 1000 }) as AugmentationSplit;
    expect(earlier.length).toBe(1000);
    expect([...earlier].filter((r) => rows.labels[r] === 1).length).toBe(120);
    expect(choosing.length + confirming.length).toBe(1000);
    expect(legitimateWeight).toBeCloseTo((4000 - 80) / (1000 - 80), 10);
  });

  it('says why it tries nothing', () => {
    expect(split(rowsOf(3000, () => false))).toBe(
      'Nothing was tried: 0 frauds to learn from; fewer than 10 do not say what others look like.',
    );
    expect(split(rowsOf(3000, (r) => r % 1000 === 0))).toContain('2 frauds to learn from');
    expect(split(rowsOf(3000, () => true))).toContain('only frauds');
    expect(split(rowsOf(3000, (r) => r < 1000 && r % 20 === 0))).toContain(
      '0 newly compromised entities to judge on; 10 are needed',
    );
    // One instant: there is no later.
    const at = { ...rowsOf(3000, (r) => r % 20 === 0), occurredAtMs: new Float64Array(3000) };
    expect(split(at)).toContain('0 newly compromised entities');
    expect(split(rowsOf(0, () => true))).toContain('0 frauds');
  });

  it('refuses rows that are not in order of time', () => {
    const rows = { ...rowsOf(3, () => true), occurredAtMs: [5, 4, 6] };
    expect(() => split(rows)).toThrow('row 1 is earlier than the row before it');
  });
});
