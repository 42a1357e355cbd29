import { createRandom } from '../../src/domain/random.js';
import { Engine, type Tensor } from '../../src/tensor/engine.js';
import { createReferenceBackend } from '../../src/tensor/reference.js';

type Shape = readonly [rows: number, columns: number];

/** One operation on inputs of given shapes, drawn from `range` so that no kink or pole lies within a finite difference. */
export interface Case {
  readonly name: string;
  readonly inputs: readonly Shape[];
  readonly range?: readonly [number, number];
  readonly apply: (engine: Engine, inputs: Tensor[]) => Tensor;
}

const unaryShapes: Shape[] = [
  [1, 1],
  [1, 5],
  [3, 7],
  [5, 16],
];
const pairShapes: [Shape, Shape][] = [
  [
    [1, 1],
    [1, 1],
  ],
  [
    [3, 5],
    [3, 5],
  ],
  [
    [3, 5],
    [1, 5],
  ],
  [
    [1, 5],
    [3, 5],
  ],
  [
    [3, 5],
    [3, 1],
  ],
  [
    [3, 1],
    [3, 5],
  ],
  [
    [4, 7],
    [1, 1],
  ],
  [
    [1, 1],
    [4, 7],
  ],
  [
    [4, 1],
    [1, 6],
  ],
  [
    [1, 6],
    [4, 1],
  ],
];
const products: [rows: number, inner: number, columns: number][] = [
  [1, 1, 1],
  [1, 5, 3],
  [3, 7, 5],
  [4, 8, 8],
  [5, 9, 17],
  [9, 3, 12],
  [23, 19, 33],
];

const positive = [0.3, 2.5] as const;
const unary: Case[] = (
  [
    ['neg', (e, a) => e.neg(a)],
    ['exp', (e, a) => e.exp(a)],
    ['log', (e, a) => e.log(a), positive],
    ['sqrt', (e, a) => e.sqrt(a), positive],
    ['square', (e, a) => e.square(a)],
    ['tanh', (e, a) => e.tanh(a)],
    ['relu above 0', (e, a) => e.relu(a), positive],
    ['relu below 0', (e, a) => e.relu(a), [-2, -0.1]],
    ['sigmoid', (e, a) => e.sigmoid(a)],
    ['softplus', (e, a) => e.softplus(a)],
    ['abs above 0', (e, a) => e.abs(a), positive],
    ['abs below 0', (e, a) => e.abs(a), [-2, -0.1]],
    ['clip inside', (e, a) => e.clip(a, -3, 3)],
    ['clip outside', (e, a) => e.clip(a, 3, 4)],
    ['scale', (e, a) => e.scale(a, -1.5)],
    ['offset', (e, a) => e.offset(a, 0.75)],
    ['sumRows', (e, a) => e.sumRows(a)],
    ['sumColumns', (e, a) => e.sumColumns(a)],
    ['sum', (e, a) => e.sum(a)],
    ['mean', (e, a) => e.mean(a)],
    ['transpose', (e, a) => e.transpose(a)],
    ['itself twice', (e, a) => e.mul(a, e.add(a, a))],
    ['one group', (e, a) => e.logSumExp(a, a.columns)],
    ['groups of one', (e, a) => e.softmax(a, 1)],
  ] as [string, (engine: Engine, a: Tensor) => Tensor, (readonly [number, number])?][]
).flatMap(([name, apply, range = [-2, 2]]) =>
  unaryShapes.map((shape): Case => ({ name, inputs: [shape], range, apply: (engine, [a]) => apply(engine, a!) })),
);
const binary: Case[] = (['add', 'sub', 'mul', 'div'] as const).flatMap((op) =>
  pairShapes.map((inputs): Case => ({
    name: op,
    inputs,
    range: op === 'div' ? positive : [-2, 2],
    apply: (engine, [a, b]) => engine[op](a!, b!),
  })),
);
const flipped = ([rows, columns]: Shape, flip: boolean): Shape => (flip ? [columns, rows] : [rows, columns]);
const matMuls: Case[] = products.flatMap(([rows, inner, columns]) =>
  [
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ].map(([transposeA = false, transposeB = false]): Case => ({
    name: `matMul${transposeA ? ' aᵀ' : ''}${transposeB ? ' bᵀ' : ''}`,
    inputs: [flipped([rows, inner], transposeA), flipped([inner, columns], transposeB)],
    apply: (engine, [a, b]) => engine.matMul(a!, b!, { transposeA, transposeB }),
  })),
);
const batches: Case[] = (
  [
    [1, 3, 4, 2],
    [5, 1, 1, 1],
    [3, 4, 8, 9],
    [7, 5, 3, 5],
  ] as const
).flatMap(([count, rows, inner, columns]) =>
  [
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ].map(([transposeA = false, transposeB = false]): Case => {
    const below = ([r, c]: Shape): Shape => [count * r, c];
    return {
      name: `batchMatMul${transposeA ? ' aᵀ' : ''}${transposeB ? ' bᵀ' : ''} of ${count}`,
      inputs: [below(flipped([rows, inner], transposeA)), below(flipped([inner, columns], transposeB))],
      apply: (engine, [a, b]) => engine.batchMatMul(a!, b!, count, { transposeA, transposeB }),
    };
  }),
);
const linears: Case[] = products.flatMap(([rows, inner, columns]) =>
  (['none', 'relu', 'tanh'] as const).map((activation): Case => ({
    name: `linear ${activation}`,
    inputs: [
      [rows, inner],
      [inner, columns],
      [1, columns],
    ],
    range: activation === 'relu' ? positive : [-1, 1],
    apply: (engine, [x, w, b]) => engine.linear(x!, w!, b!, activation),
  })),
);
const groups: Case[] = (['logSumExp', 'softmax', 'logSoftmax'] as const).flatMap((op) =>
  ([1, 2, 3, 4, 5, 8, 11] as const).map((size): Case => ({
    name: `${op} of ${size}`,
    inputs: [[3, size * 3]],
    apply: (engine, [a]) => engine[op](a!, size),
  })),
);
const columns: Case[] = [
  { name: 'slice', inputs: [[3, 7]], apply: (engine, [a]) => engine.slice(a!, 2, 6) },
  { name: 'slice of one column', inputs: [[5, 4]], apply: (engine, [a]) => engine.slice(a!, 3, 4) },
  {
    name: 'concat',
    inputs: [
      [3, 2],
      [3, 5],
      [3, 1],
    ],
    apply: (engine, list) => engine.concat(list),
  },
  { name: 'concat with itself', inputs: [[2, 3]], apply: (engine, [a]) => engine.concat([a!, a!]) },
  { name: 'reshape', inputs: [[4, 6]], apply: (engine, [a]) => engine.reshape(a!, 3, 8) },
  { name: 'pick', inputs: [[4, 5]], apply: (engine, [a]) => engine.pick(a!, Int32Array.of(4, 0, 0, 2, 4, 1, 4)) },
];
const cases = [...unary, ...binary, ...matMuls, ...batches, ...linears, ...groups, ...columns];

export const drawInputs = ({ inputs, range: [low, high] = [-2, 2] }: Case): Float32Array[] => {
  const random = createRandom(7);
  return inputs.map(([rows, columns]) =>
    Float32Array.from({ length: rows * columns }, () => low + (high - low) * random.uniform()),
  );
};

/** A loss that weighs every element of the output differently, so that misplaced gradients show. */
const weightedSum = (engine: Engine, out: Tensor): Tensor => {
  const weights = Float32Array.from({ length: out.rows * out.columns }, (_, i) => Math.fround(Math.sin(i + 1)));
  return engine.sum(engine.mul(out, engine.constant(out.rows, out.columns, weights)));
};

/** The value, and the gradients of its weighted sum. */
export const evaluate = (
  engine: Engine,
  test: Case,
  values: readonly ArrayLike<number>[],
): { value: Float64Array; gradients: Float64Array[] } => {
  const parameters = test.inputs.map(([rows, columns], i) => engine.parameter(rows, columns, values[i]!));
  const result = engine.scope(() => {
    const { out, loss } = engine.record(() => {
      const made = test.apply(engine, parameters);
      return { out: made, loss: weightedSum(engine, made) };
    });
    return { value: engine.readFloat64(out), gradients: engine.gradients(loss, parameters).map((g) => engine.readFloat64(g)) };
  });
  for (const parameter of parameters) engine.dispose(parameter);
  return result;
};

/** The weighted sum alone, for finite differences. */
export const lossAt = (engine: Engine, test: Case, values: readonly ArrayLike<number>[]): number =>
  engine.scope(() => {
    const inputs = test.inputs.map(([rows, columns], i) => engine.constant(rows, columns, values[i]!));
    return engine.readFloat64(weightedSum(engine, test.apply(engine, inputs)))[0]!;
  });

const title = ({ name, inputs }: Case): string => `${name} ${inputs.map(([rows, columns]) => `[${rows},${columns}]`).join(' ')}`;
/** Every operation of the engine on shapes with and without remainders, each under a name of its own. */
export const operations = cases.map((test) => [title(test), test] as const);

const reference = new Engine(createReferenceBackend());

/** Value and gradients are those of the reference, but for `tolerance` relative to the largest element. */
export const expectAgreement = (engine: Engine, test: Case, tolerance: number): void => {
  const values = drawInputs(test);
  const [actual, expected] = [evaluate(engine, test, values), evaluate(reference, test, values)];
  const closeTo = (x: Float64Array, exact: Float64Array): void => {
    expect(x.length).toBe(exact.length);
    // Relative to the largest element: sums of float32 that cancel cannot do better.
    const scale = exact.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-3);
    x.forEach((value, i) => expect(Math.abs(value - exact[i]!)).toBeLessThan(tolerance * scale));
  };
  closeTo(actual.value, expected.value);
  actual.gradients.forEach((gradient, i) => closeTo(gradient, expected.gradients[i]!));
};
