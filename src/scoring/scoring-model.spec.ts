import { ORACLE_FEATURES } from '../../test/support/feature-oracle.js';
import { channelFeatures } from './scoring-model.js';

const { columns, sequenceColumns, densityColumns, tailColumns } = ORACLE_FEATURES;
const row = { columns, rowCount: 1, values: Float32Array.from(columns, (_, c) => c) };
const namesOf = (...args: readonly [channel: 'S' | 'T' | 'D', estimator: string]): string[] =>
  channelFeatures(ORACLE_FEATURES, args[0], row, args[1]).columns.map((column) => column.name);

describe('features of a channel', () => {
  it('hold the sequence for the estimators that read it, first and oldest first', () => {
    expect(sequenceColumns).toHaveLength(10);
    expect(namesOf('D', 'transformer')).toEqual([...sequenceColumns, ...densityColumns]);
  });

  it('leave it out for the others', () => {
    const rest = columns.map((column) => column.name).filter((name) => !name.startsWith('lag'));
    expect(namesOf('S', 'logistic-regression')).toEqual(rest);
    expect(namesOf('D', 'autoregressive')).toEqual(densityColumns);
    expect(namesOf('T', 'tail')).toEqual(tailColumns);
  });
});
