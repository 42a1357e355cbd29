import { featureMatrix, numericColumn } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import type { FitContext } from './detector.js';
import { MARKOV_COLUMN, markovFilter } from './markov-channel.js';

const context = { random: createRandom(1) } as FitContext;
const columns = [numericColumn('amount'), numericColumn(MARKOV_COLUMN, 'up')];
const features = featureMatrix(columns, Float32Array.of(9, -4, 9, -3, 9, 2, 9, NaN));

describe('Markov channel', () => {
  it('passes the log-odds through; without an entity they are ordinary', async () => {
    const detector = await markovFilter.fit({ features }, context);
    expect([...detector.score(features)]).toEqual([-4, -3, 2, -3]);
    expect([...detector.terms!(features).values]).toEqual([-4, -3, 2, -3]);
    expect(markovFilter.load(detector.save(), context).score(features)).toEqual(detector.score(features));
  });

  it('needs its column', async () => {
    const plain = featureMatrix([numericColumn('amount')], Float32Array.of(1));
    await expect(markovFilter.fit({ features: plain }, context)).rejects.toThrow(/no feature column "markov"/);
  });
});
