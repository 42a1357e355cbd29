import { trainNetwork } from '../../test/support/tensor-training.js';
import { createRandom } from '../domain/random.js';
import { Engine, type Tensor } from './engine.js';
import { createReferenceBackend } from './reference.js';
import { createSimdBackend } from './simd.js';

const engine = new Engine(createSimdBackend());
const random = createRandom(11);
const normals = (length: number, scale = 1): Float32Array => Float32Array.from({ length }, () => scale * random.normal());
const bitsOf = (values: Float32Array): number[] => [...new Uint32Array(values.buffer, values.byteOffset, values.length)];

type ElementWise = (engine: Engine, a: Tensor) => Tensor;
const apply = (operation: ElementWise, values: ArrayLike<number>): Float32Array =>
  engine.scope(() => engine.read(operation(engine, engine.constant(1, values.length, values))));

const sigmoid = (x: number): number => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const functions: [string, ElementWise, (x: number) => number, from: number, to: number][] = [
  ['exp', (e, a) => e.exp(a), Math.exp, -87, 88.7],
  ['exp', (e, a) => e.exp(a), Math.exp, -0.01, 0.01],
  ['log', (e, a) => e.log(a), Math.log, 1e-30, 2],
  ['log', (e, a) => e.log(a), Math.log, 0.9, 1.1],
  ['log', (e, a) => e.log(a), Math.log, 1, 3e38],
  ['tanh', (e, a) => e.tanh(a), Math.tanh, -10, 10],
  ['tanh', (e, a) => e.tanh(a), Math.tanh, -1e-4, 1e-4],
  ['sigmoid', (e, a) => e.sigmoid(a), sigmoid, -80, 20],
  ['softplus', (e, a) => e.softplus(a), softplus, -80, 80],
  ['softplus', (e, a) => e.softplus(a), softplus, -2, 2],
  ['sqrt', (e, a) => e.sqrt(a), Math.sqrt, 0, 1e10],
];

describe('functions', () => {
  it.each(functions)('%s is within 5e-7 of the exact value, relatively', (_, operation, exact, from, to) => {
    const inputs = Float32Array.from({ length: 20_001 }, (__, i) => from + ((to - from) * i) / 20_000);
    let worst = 0;
    apply(operation, inputs).forEach((actual, i) => {
      const expected = exact(inputs[i]!);
      if (expected === 0) expect(actual).toBe(0);
      else worst = Math.max(worst, Math.abs(actual / expected - 1));
    });
    expect(worst).toBeLessThan(5e-7);
  });

  it('exp fades into denormals, ends in 0 and infinity; log takes denormals', () => {
    const [small, zero, below, large, above] = apply((e, a) => e.exp(a), [-100, -104, -1e30, 88.72, 88.73]);
    expect(small! / Math.exp(-100)).toBeCloseTo(1, 1);
    expect([zero, below, above]).toEqual([0, 0, Infinity]);
    expect(large! / Math.exp(Math.fround(88.72))).toBeCloseTo(1, 5);
    expect(apply((e, a) => e.log(a), [1e-40])[0]).toBeCloseTo(Math.log(Math.fround(1e-40)), 4);
  });

  const special = [NaN, Infinity, -Infinity, 0, -1] as const;
  const limits: [string, ElementWise, (x: number) => number][] = [
    ['neg', (e, a) => e.neg(a), (x) => -x],
    ['exp', (e, a) => e.exp(a), Math.exp],
    ['log', (e, a) => e.log(a), Math.log],
    ['sqrt', (e, a) => e.sqrt(a), Math.sqrt],
    ['square', (e, a) => e.square(a), (x) => x * x],
    ['tanh', (e, a) => e.tanh(a), Math.tanh],
    ['relu', (e, a) => e.relu(a), (x) => Math.max(x, 0)],
    ['sigmoid', (e, a) => e.sigmoid(a), sigmoidLimit],
    ['softplus', (e, a) => e.softplus(a), softplus],
    ['abs', (e, a) => e.abs(a), Math.abs],
    ['clip', (e, a) => e.clip(a, -2, 3), (x) => Math.min(Math.max(x, -2), 3)],
    ['scale', (e, a) => e.scale(a, 2), (x) => 2 * x],
    ['offset', (e, a) => e.offset(a, 2), (x) => x + 2],
  ];
  it.each(limits)('%s carries NaN, infinities and zero to their limits', (_, operation, exact) => {
    const actual = apply(operation, special);
    special.forEach((x, i) => {
      const expected = exact(x);
      if (!Number.isFinite(expected) || expected === 0) expect(actual[i]! + 0).toBe(expected + 0);
      else expect(actual[i]).toBeCloseTo(expected, 5);
    });
  });

  it('groups carry NaN and infinities', () => {
    const rows = [NaN, 1, 2, -Infinity, 1, 2, Infinity, 1, 2, -Infinity, -Infinity, -Infinity];
    const lse = apply((e, a) => e.logSumExp(a, 3), rows);
    expect([lse[0], lse[2], lse[3]]).toEqual([NaN, Infinity, -Infinity]);
    expect(lse[1]).toBeCloseTo(Math.log(Math.exp(1) + Math.exp(2)), 6);
    const soft = apply((e, a) => e.softmax(a, 3), rows);
    expect([...soft.subarray(0, 4)]).toEqual([NaN, NaN, NaN, 0]);
    expect(apply((e, a) => e.logSoftmax(a, 3), rows)[3]).toBe(-Infinity);
    expect(apply((e, a) => e.logSumExp(a, 2), [1000, 1001, -1000, -1001])[0]).toBeCloseTo(1001.3133, 3);
  });

  it('matMul and sums carry NaN and infinities to the rows they are in, and no further', () => {
    const a = new Float32Array(6 * 5).fill(1);
    a[7] = NaN;
    a[22] = Infinity;
    const product = engine.scope(() =>
      engine.read(engine.matMul(engine.constant(6, 5, a), engine.constant(5, 9, new Float32Array(45).fill(1)))),
    );
    const sums = engine.scope(() => engine.read(engine.sumRows(engine.constant(6, 5, a))));
    expect([...sums]).toEqual([5, NaN, 5, 5, Infinity, 5]);
    for (let row = 0; row < 6; row += 1)
      expect([...product.subarray(row * 9, row * 9 + 9)]).toEqual(Array<number>(9).fill(sums[row]!));
  });
});

function sigmoidLimit(x: number): number {
  return x === -Infinity ? 0 : sigmoid(x);
}

describe('sums', () => {
  it('keep their digits over many elements', () => {
    const values = new Float32Array(1_000_000).fill(0.1);
    const exact = 100_000 * (Math.fround(0.1) / 0.1);
    expect(apply((e, a) => e.sum(a), values)[0]! / exact).toBeCloseTo(1, 7);
    const columns = engine.scope(() => engine.read(engine.sumColumns(engine.constant(250_000, 4, values))));
    for (const sum of columns) expect((4 * sum) / exact).toBeCloseTo(1, 7);
  });

  it('of products over many rows stay close to float64', () => {
    const [rows, columns] = [3000, 9];
    const [a, b] = [normals(rows * columns).map((x) => x + 3), normals(rows * columns).map((x) => x + 3)];
    const product = (e: Engine): Float32Array =>
      e.scope(() => e.read(e.matMul(e.constant(rows, columns, a), e.constant(rows, columns, b), { transposeA: true })));
    const expected = product(new Engine(createReferenceBackend()));
    product(engine).forEach((x, i) => expect(Math.abs(x / expected[i]! - 1)).toBeLessThan(3e-6));
  });
});

describe('a row has the same bits alone and in any batch', () => {
  const columns = 37;
  const inner = normals(columns * 45, 0.3);
  const wide = normals(700 * 21, 0.1);
  const row = normals(columns);
  const operations: [string, width: number, (rows: Tensor) => Tensor][] = [
    ...(['neg', 'exp', 'sqrt', 'log', 'square', 'tanh', 'relu', 'sigmoid', 'softplus', 'abs', 'sumRows'] as const).map(
      (op): [string, number, (rows: Tensor) => Tensor] => [op, columns, (rows) => engine[op](rows)],
    ),
    ...(['add', 'sub', 'mul', 'div'] as const).flatMap((op): [string, number, (rows: Tensor) => Tensor][] => [
      [`${op} of a row`, columns, (rows) => engine[op](rows, engine.constant(1, columns, row))],
      [`${op} of a column`, columns, (rows) => engine[op](engine.sumRows(rows), rows)],
      [`${op} of itself`, columns, (rows) => engine[op](rows, engine.exp(rows))],
    ]),
    ['clip', columns, (rows) => engine.clip(rows, -0.5, 0.5)],
    ['matMul', columns, (rows) => engine.matMul(rows, engine.constant(columns, 45, inner))],
    ['matMul bᵀ', columns, (rows) => engine.matMul(rows, engine.constant(45, columns, inner), { transposeB: true })],
    ['matMul of 700 columns', 700, (rows) => engine.matMul(rows, engine.constant(700, 21, wide))],
    [
      'linear relu',
      columns,
      (rows) => engine.linear(rows, engine.constant(columns, 45, inner), engine.constant(1, 45, wide.subarray(0, 45)), 'relu'),
    ],
    [
      'linear tanh',
      columns,
      (rows) => engine.linear(rows, engine.constant(columns, 45, inner), engine.constant(1, 45, wide.subarray(0, 45)), 'tanh'),
    ],
    ...(['logSumExp', 'softmax', 'logSoftmax'] as const).map((op): [string, number, (rows: Tensor) => Tensor] => [
      op,
      35,
      (rows) => engine[op](rows, 7),
    ]),
    [
      'batchMatMul of five tokens',
      45,
      (rows) => {
        const tokens = engine.reshape(rows, rows.rows * 5, 9);
        return engine.reshape(engine.batchMatMul(tokens, tokens, rows.rows, { transposeB: true }), rows.rows, 25);
      },
    ],
    ['slice', columns, (rows) => engine.slice(rows, 3, 20)],
    ['concat', columns, (rows) => engine.concat([rows, engine.neg(rows)])],
    ['pick', columns, (rows) => engine.pick(rows, Int32Array.of(3, 3, 36))],
  ];

  it.each(operations)('%s', (_, width, operation) => {
    const count = 23;
    const values = normals(count * width);
    const run = (from: number, to: number): Float32Array =>
      engine.scope(() => engine.read(operation(engine.constant(to - from, width, values.subarray(from * width, to * width)))));
    const all = run(0, count);
    const out = all.length / count;
    // Alone, in a batch too small for the blocked kernel, and in one that ends in a remainder.
    for (const size of [1, 3, 10]) {
      for (let from = 0; from + size <= count; from += size) {
        expect(bitsOf(run(from, from + size))).toEqual(bitsOf(all.slice(from * out, (from + size) * out)));
      }
    }
  });

  it('linear has the bits of its three steps', () => {
    const [x, w, b] = [normals(7 * 10), normals(10 * 13), normals(13)];
    engine.scope(() => {
      const [input, weights, bias] = [engine.constant(7, 10, x), engine.constant(10, 13, w), engine.constant(1, 13, b)];
      const sum = engine.add(engine.matMul(input, weights), bias);
      expect(bitsOf(engine.read(engine.linear(input, weights, bias)))).toEqual(bitsOf(engine.read(sum)));
      expect(bitsOf(engine.read(engine.linear(input, weights, bias, 'relu')))).toEqual(bitsOf(engine.read(engine.relu(sum))));
      expect(bitsOf(engine.read(engine.linear(input, weights, bias, 'tanh')))).toEqual(bitsOf(engine.read(engine.tanh(sum))));
    });
  });
});

describe('training', () => {
  const lastMean = (losses: number[]): number => losses.slice(-50).reduce((sum, loss) => sum + loss, 0) / 50;

  it('reaches the loss of the reference', () => {
    const simd = trainNetwork(createSimdBackend(), 400);
    const reference = trainNetwork(createReferenceBackend(), 400);
    expect(simd[0]).toBeCloseTo(reference[0]!, 5);
    // Rounding makes the two paths part slowly; they must end at the same place.
    expect(Math.abs(lastMean(simd) / lastMean(reference) - 1)).toBeLessThan(0.02);
    expect(lastMean(simd)).toBeLessThan(0.5 * lastMean(simd.slice(0, 50)));
  });

  it('gives the same bits twice', () => {
    expect(trainNetwork(createSimdBackend(), 30)).toEqual(trainNetwork(createSimdBackend(), 30));
  });

  it('keeps its memory flat over 1,000 steps', () => {
    const backend = createSimdBackend();
    let early = { bytes: 0, live: 0 };
    trainNetwork(backend, 1000, (e, step) => {
      const now = { bytes: backend.memoryBytes(), live: e.liveTensors };
      if (step === 5) early = now;
      if (step > 5) expect(now).toEqual(early);
    });
    expect(early.live).toBe(18);
  });
});

it('grows its memory under tensors that are in use', () => {
  const backend = createSimdBackend();
  const e = new Engine(backend);
  const before = backend.memoryBytes();
  const small = e.parameter(1, 3, [1, 2, 3]);
  e.scope(() => {
    const large = e.zeros(1000, 1000);
    expect(e.read(e.sum(large))[0]).toBe(0);
    expect([...e.read(e.scale(small, 2))]).toEqual([2, 4, 6]);
  });
  expect(backend.memoryBytes()).toBeGreaterThan(before + 4_000_000);
  expect([...e.read(small)]).toEqual([1, 2, 3]);
});
