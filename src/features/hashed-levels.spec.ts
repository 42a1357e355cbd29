import { HASHED_LEVELS, hashedIndex, isHashedLevel } from './hashed-levels.js';

test('values spread evenly over the buckets, and always fall into the same one', () => {
  const counts = new Float64Array(HASHED_LEVELS.length);
  const n = 48_000;
  for (let i = 0; i < n; i += 1) counts[hashedIndex.get(`level ${i}`)]! += 1;
  // Chi-squared with 47 degrees of freedom: mean 47, above 90 in one of ten thousand.
  const expected = n / counts.length;
  expect(counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)).toBeLessThan(90);
  expect(hashedIndex.get('grocery')).toBe(hashedIndex.get('grocery'));
  expect(['usual', 'unseen', 'never', 'other', ''].map((value) => HASHED_LEVELS[hashedIndex.get(value)])).toEqual(
    expect.arrayContaining([expect.stringMatching(/^hash \d+$/)]),
  );
  expect(HASHED_LEVELS.every(isHashedLevel)).toBe(true);
  expect([isHashedLevel('grocery'), isHashedLevel(undefined)]).toEqual([false, false]);
});

test('twelve categories share few buckets', () => {
  const words = 'groceries fuel restaurants electronics travel clothing pharmacy online cash jewellery gambling utilities'.split(
    ' ',
  );
  expect(new Set(words.map((word) => hashedIndex.get(word))).size).toBeGreaterThanOrEqual(9);
});
