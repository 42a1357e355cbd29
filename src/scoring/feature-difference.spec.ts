import { ORACLE_FEATURES } from '../../test/support/feature-oracle.js';
import { featureDifference } from './feature-difference.js';
import { featureSetOf } from './scoring-model.js';

test.each([
  [['a', 'b'], ['a', 'b'], 'the same columns with other bins, priors or meanings'],
  [['a', 'b'], ['b', 'a'], 'the same columns in another order'],
  [['a', 'b'], ['a'], 'it reads b, which this build does not compute'],
  [['a'], ['a', 'b', 'c'], 'it does not know b, c'],
  [['a', 'x'], ['a', 'y'], 'it reads x, which this build does not compute, and it does not know y'],
  [['1', '2', '3', '4', '5', '6', '7'], [], 'it reads 1, 2, 3, 4, 5 and 2 more, which this build does not compute'],
])('%p against %p', (stored, computed, sentence) => {
  expect(featureDifference(stored, computed)).toBe(sentence);
});

describe('a stored model', () => {
  const { schema, priors, id, columns } = ORACLE_FEATURES;
  const names = columns.map((column) => column.name);
  const meta = { version: 'm1', schema, priors, featureSet: id, columns: names };

  it('of this build names its features', () => {
    expect(featureSetOf(meta).id).toBe(id);
  });

  it('of other features is refused with the difference named', () => {
    const other = { ...meta, featureSet: 'full-0badcafe' };
    expect(() => featureSetOf({ ...other, columns: [...names, 'moon_phase'] })).toThrow(
      `model m1 was trained on features full-0badcafe; this build computes ${id}: ` +
        'it reads moon_phase, which this build does not compute',
    );
    expect(() => featureSetOf({ ...other, columns: names.slice(1) })).toThrow(`it does not know ${names[0]!}`);
    expect(() => featureSetOf(other)).toThrow('other bins, priors or meanings');
    // A model of an earlier build, which did not write its columns.
    expect(() => featureSetOf({ ...other, columns: undefined })).toThrow(`this build computes ${id}`);
  });
});
