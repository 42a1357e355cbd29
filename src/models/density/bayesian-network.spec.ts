import { type FeatureColumn, type FeatureMatrix, featureMatrix, numericColumn } from '../../domain/feature-matrix.js';
import { createRandom } from '../../domain/random.js';
import { createSimdBackend } from '../../tensor/simd.js';
import { type BayesianNetwork, bayesianNetwork } from './bayesian-network.js';
import { familyScore, learnStructure } from './bayesian-structure.js';

const backend = createSimdBackend();
const fit = (features: FeatureMatrix): Promise<BayesianNetwork> =>
  bayesianNetwork.fit({ features }, { random: createRandom(1), backend }) as Promise<BayesianNetwork>;
const category = (name: string, count: number): FeatureColumn => ({
  name,
  field: name,
  kind: 'categorical',
  levels: Array.from({ length: count }, (_, i) => `${name}${i}`),
  risk: 'both',
});
/** Arrows without their direction, which likelihood alone does not tell in a tree. */
const skeleton = ({ arrows }: BayesianNetwork): string[] => arrows.map(({ from, to }) => [from, to].sort().join('-')).sort();

describe('Bayesian network', () => {
  it('recovers a planted tree of numbers and categories', async () => {
    const random = createRandom(1);
    const rows = Array.from({ length: 3000 }, () => {
      const root = random.normal();
      const left = 0.8 * root + 0.6 * random.normal();
      const leaf = Math.exp(left + 0.5 * random.normal());
      const kind = random.uniform() < 1 / (1 + Math.exp(-3 * root)) ? 1 : 0;
      return [leaf, random.normal(), kind, root, left];
    });
    const columns = [
      numericColumn('leaf'),
      numericColumn('alone'),
      category('kind', 2),
      numericColumn('root'),
      numericColumn('left'),
    ];
    const network = await fit(featureMatrix(columns, Float32Array.from(rows.flat())));
    expect(skeleton(network)).toEqual(['kind-root', 'leaf-left', 'left-root']);
    expect(network.save().meta['arrows']).toEqual(network.arrows);
  });

  it('directs arrows that meet: two causes of one effect', async () => {
    const random = createRandom(2);
    const rows = Array.from({ length: 4000 }, () => {
      const [a, b] = [random.integer(2), random.integer(2)];
      return [random.uniform() < 0.1 + 0.4 * (a + b) ? 1 : 0, a, b];
    });
    const states = [0, 1, 2].map((c) => ({ count: 2, of: Uint16Array.from(rows, (row) => row[c]!) }));
    const { parents, order } = await learnStructure(states, { parentsMax: 2 }, { random, backend });
    expect(parents).toEqual([[1, 2], [], []]);
    expect(order.indexOf(0)).toBe(2);
  });

  it('scores a family by BIC: against the formula on a table of four counts', () => {
    // Child given parent: 30 of 40 and 5 of 60.
    const parent = Uint16Array.from({ length: 100 }, (_, r) => (r < 40 ? 0 : 1));
    const child = Uint16Array.from({ length: 100 }, (_, r) => (r < 30 || r >= 95 ? 1 : 0));
    const states = [
      { count: 2, of: child },
      { count: 2, of: parent },
    ];
    const likelihood = 30 * Math.log(30 / 40) + 10 * Math.log(10 / 40) + 5 * Math.log(5 / 60) + 55 * Math.log(55 / 60);
    expect(familyScore(states, 0, [1])).toBeCloseTo(likelihood - Math.log(100), 9);
  });

  it('has the joint probability of small tables: brute force over their counts', async () => {
    const random = createRandom(3);
    const counts = new Float64Array(12);
    const rows = Array.from({ length: 20_000 }, () => {
      const a = random.integer(2);
      const b = random.uniform() < 0.7 ? a : 2;
      const c = random.uniform() < [0.1, 0.5, 0.9][b]! ? 1 : 0;
      counts[(a * 3 + b) * 2 + c]! += 1;
      return [a, b, c];
    });
    const network = await fit(
      featureMatrix([category('a', 2), category('b', 3), category('c', 2)], Float32Array.from(rows.flat())),
    );
    const marginal = (keep: (a: number, b: number, c: number) => boolean): number =>
      counts.reduce((sum, n, i) => sum + (keep(Math.floor(i / 6), Math.floor(i / 2) % 3, i % 2) ? n : 0), 0);
    for (let i = 0; i < 12; i += 1) {
      const [a, b, c] = [Math.floor(i / 6), Math.floor(i / 2) % 3, i % 2];
      const ab = marginal((x, y) => x === a && y === b);
      const bc = marginal((_, y, z) => y === b && z === c);
      // a - b - c: p(a, b) p(b, c) / p(b), whichever way the arrows point.
      const truth = (ab * bc) / marginal((_, y) => y === b) / 20_000;
      const [logProb] = network.logProb(featureMatrix(network.sample(1, random).columns, Float32Array.of(a, b, c)));
      if (ab > 0) expect(Math.exp(logProb!) / truth).toBeCloseTo(1, 1);
      else expect(Math.exp(logProb!)).toBeLessThan(1e-4);
    }
  });

  it('says what is usual given the parents', async () => {
    const random = createRandom(4);
    const cells = Array.from({ length: 3000 }, () => {
      const x = random.normal();
      return [x, 10 + 2 * x + 0.4 * random.normal()];
    });
    const columns = [numericColumn('x'), numericColumn('y')];
    const network = await fit(featureMatrix(columns, Float32Array.from(cells.flat())));
    const usual = network.usualValues(featureMatrix(columns, Float32Array.of(1, 12)));
    // y given x is N(10 + 2x, 0.4); x given y has the mean (y - 10) 2 / 4.16 and the variance 0.16 / 4.16.
    const [child, center, sd] = network.arrows[0]!.to === 'y' ? [1, 12, 0.4] : [0, 0.96, 0.196];
    expect(Math.abs(usual.median[child]! - center)).toBeLessThan(sd);
    const width = (usual.high[child]! - usual.low[child]!) / (2 * 1.645 * sd);
    expect(width).toBeGreaterThan(0.8);
    expect(width).toBeLessThan(1.4);
  });
});
