import { describe, expect, it } from '@jest/globals';
import { EvidenceColumns } from './evidence-columns.js';

describe('EvidenceColumns', () => {
  it('hold what they were made of, also behind a clone, where two types share an id', () => {
    const cell = (entityType: string, entityId: string, bucketMs: number, bin: number) => ({
      ...{ entityType, entityId, bucketMs, bin },
      n: bin + 1,
      nFraud: -bin,
    });
    const cells = [cell('a', 'x', 1e12, 0), cell('a', 'x', 1e12 + 60_000, 3), cell('b', 'x', 5, 1), cell('b', 'y', -7, 2)];
    const { runs, numbers } = structuredClone({ ...EvidenceColumns.of(cells) });
    expect([...new EvidenceColumns(runs, numbers)]).toEqual(cells);
    expect(runs.map(({ count }) => count)).toEqual([2, 1, 1]);
    expect([...EvidenceColumns.of([])]).toEqual([]);
  });
});
