import {
  abs,
  add,
  cast,
  concat,
  cos,
  type DifferentiableOperator,
  type Dim,
  div,
  erf,
  exp,
  expand,
  gather,
  gatherElements,
  gatherNd,
  log,
  logSoftmax,
  matMul,
  max,
  min,
  mul,
  neg,
  pad,
  pow,
  reciprocal,
  reduceMax,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  rmsNorm,
  rotaryEmbedding,
  scatterElements,
  scatterNd,
  sigmoid,
  sign,
  silu,
  sin,
  slice,
  softmax,
  split,
  sqrt,
  squeeze,
  stopGradient,
  sub,
  tanh,
  transpose,
  unsqueeze,
  type Value,
  where,
} from '../../src/index.ts';

/** What an operand is filled with; gradients are checked in `any` and `positive` operands. */
export type Fill =
  | { readonly kind: 'any' | 'positive' | 'bool' | 'angle' }
  | { readonly kind: 'index'; readonly below: Dim }
  /** Indices that occur once along the first axis. */
  | { readonly kind: 'distinct'; readonly below: number };

export interface Operand {
  readonly shape: readonly Dim[];
  readonly fill: Fill;
}

/** One application of an operator whose gradient is compared with finite differences. */
export interface Case {
  readonly operator: DifferentiableOperator;
  readonly title: string;
  /** @default 'float64', which leaves finite differences ten good digits; 'float32' where there is no other kernel */
  readonly dtype?: 'float32' | 'float64';
  /** `a`, `b` and `c` stand for random sizes. */
  readonly operands: readonly Operand[];
  readonly build: (...operands: readonly Value[]) => Value;
}

const any = (...shape: readonly Dim[]): Operand => ({ shape, fill: { kind: 'any' } });
const positive = (...shape: readonly Dim[]): Operand => ({ shape, fill: { kind: 'positive' } });
const bool = (...shape: readonly Dim[]): Operand => ({ shape, fill: { kind: 'bool' } });
const angle = (...shape: readonly Dim[]): Operand => ({ shape, fill: { kind: 'angle' } });
const index = (below: Dim, ...shape: readonly Dim[]): Operand => ({ shape, fill: { kind: 'index', below } });
const distinct = (below: number, ...shape: readonly Dim[]): Operand => ({ shape, fill: { kind: 'distinct', below } });

type Unary = (x: Value) => Value;
type Binary = (x: Value, y: Value) => Value;

const unary = (operator: DifferentiableOperator, apply: Unary, operand: Operand = any('a', 'b')): Case => ({
  operator,
  title: 'elementwise',
  operands: [operand],
  build: (x) => apply(x!),
});

/** Same shape, broadcast on the left, on the right, and on both. */
const binary = (operator: DifferentiableOperator, apply: Binary, right = any): readonly Case[] =>
  (
    [
      ['same shape', [any('a', 'b'), right('a', 'b')]],
      ['left broadcast', [any('b'), right('a', 'b')]],
      ['right broadcast', [any('a', 'b'), right()]],
      ['both broadcast', [any('a', 1, 'c'), right('b', 1)]],
    ] as const
  ).map(([title, operands]) => ({ operator, title, operands, build: (x, y) => apply(x!, y!) }));

const one = (
  operator: DifferentiableOperator,
  title: string,
  operands: readonly Operand[],
  build: (...operands: readonly [Value, Value, Value, Value]) => Value,
  dtype?: 'float32',
): Case => ({
  operator,
  title,
  operands,
  build: (...values) => build(...(values as unknown as [Value, Value, Value, Value])), // a case reads what it declares
  ...(dtype === undefined ? {} : { dtype }),
});

/** Every product of a 4-bit choice: transposes, and a batch on either side. */
const products: readonly Case[] = [false, true].flatMap((transposeA) =>
  [false, true].flatMap((transposeB) =>
    (
      [
        ['two matrices', [], []],
        ['rows of a batch by a weight', ['c', 2], []],
        ['a batch by a batch', ['c'], ['c']],
        ['a matrix by a batch', [], ['c']],
        ['broadcast batches', ['c', 1], [2]],
      ] as const
    ).flatMap(([title, batchA, batchB]) => {
      const a = transposeA ? any(...batchA, 3, 'a') : any(...batchA, 'a', 3);
      const b = transposeB ? any(...batchB, 'b', 3) : any(...batchB, 3, 'b');
      const name = `${title}${transposeA ? ', left transposed' : ''}${transposeB ? ', right transposed' : ''}`;
      const options = { transposeA, transposeB };
      return [
        one('MatMul', name, [a, b], (x, y) => matMul(x, y, options)),
        one('FusedMatMul', name, [a, b], (x, y) => matMul(x, y, { ...options, alpha: 0.5 }), 'float32'),
      ];
    }),
  ),
);

const elementwise: readonly Case[] = [
  ...binary('Add', add),
  ...binary('Sub', sub),
  ...binary('Mul', mul),
  ...binary('Div', div, positive),
  ...binary('Max', max),
  ...binary('Min', min),
  one('Pow', 'both positive', [positive('a', 'b'), positive('b')], (x, y) => pow(x, y)),
  one('Pow', 'a number as exponent', [any('a', 'b')], (x) => pow(x, 3)),
  unary('Neg', neg),
  unary('Abs', abs),
  one('Sign', 'a zero gradient beside another', [any('a')], (x) => mul(sign(x), x)),
  unary('Exp', exp),
  unary('Log', log, positive('a', 'b')),
  unary('Sqrt', sqrt, positive('a', 'b')),
  unary('Reciprocal', reciprocal, positive('a', 'b')),
  unary('Sin', sin),
  unary('Cos', cos),
  { ...unary('Erf', erf), dtype: 'float32' },
  unary('Sigmoid', sigmoid),
  unary('Tanh', tanh),
  unary('Relu', relu),
  { ...unary('QuickGelu', silu), dtype: 'float32' },
  one('Tanh', 'silu without a kernel of its own', [any('a')], (x) => silu(x)),
  one('Where', 'broadcast', [bool('a', 1), any('b'), any('a', 'b')], (c, x, y) => where(c, x, y)),
  one('Cast', 'to float64 and back', [any('a')], (x) => cast(mul(cast(x, 'float64'), 2), 'float32'), 'float32'),
  one('Identity', 'no gradient past it', [any('a')], (x) => add(x, mul(stopGradient(x), 0))),
];

const movement: readonly Case[] = [
  one('Reshape', 'joins and cuts axes', [any('a', 'b', 2)], (x) => {
    const flat = reshape(x, [-1, 2]);
    return reshape(mul(flat, flat), [...x.shape.slice(0, 2), 2, 1]);
  }),
  one('Transpose', 'three axes', [any('a', 'b', 'c')], (x) => transpose(x, [2, 0, 1])),
  one('Expand', 'a new axis and an old one', [any('a', 1)], (x) => expand(x, [3, x.shape[0]!, 2])),
  one('Concat', 'three pieces', [any('a', 'b'), any('a', 2), any('a', 'c')], (x, y, z) => concat([x, y, mul(z, z)], 1)),
  one('Split', 'one piece is not used', [any('a', 6)], (x) => {
    const [first, , last] = split(x, [1, 2, 3], 1);
    return mul(first!, last!);
  }),
  one('Split', 'symbolic pieces', [any('a', 'b'), any('c', 'b')], (x, y) => {
    const [first, last] = split(concat([x, y], 0), [y.shape[0]!, x.shape[0]!], 0);
    return add(reduceSum(mul(first!, y)), reduceSum(mul(last!, x)));
  }),
  one('Slice', 'the inside', [any(5, 'b')], (x) => slice(x, { axis: 0, start: 1, end: -1 })),
  one('Slice', 'the end of a symbolic axis', [any('a', 'b'), any(2, 'b')], (x, y) =>
    slice(concat([y, x], 0), { axis: 0, start: 1 }),
  ),
  one('Slice', 'from a symbolic place', [any('a', 'b'), any('c', 'b')], (x, y) =>
    slice(concat([x, y], 0), { axis: 0, start: x.shape[0]! }),
  ),
  one('Pad', 'before and after', [any('a', 'b')], (x) => pad(x, { axis: -1, before: 2, after: 1 })),
  one('Squeeze', 'two axes', [any('a', 1, 'b', 1)], (x) => squeeze(x, [1, -1])),
  one('Unsqueeze', 'two axes', [any('a', 'b')], (x) => unsqueeze(x, [0, -1])),
];

const gathering: readonly Case[] = [
  one('Gather', 'rows, some of them twice', [any('a', 'b'), index('a', 'c', 3)], (x, i) => gather(x, i)),
  one('Gather', 'along the last axis', [any('a', 'b'), index('b', 'c', 2)], (x, i) => gather(x, i, -1)),
  one('Gather', 'one place', [any('a', 'b', 2), index('b')], (x, i) => gather(x, i, 1)),
  one('GatherElements', 'along the last axis', [any('a', 'b'), index('b', 'a', 3)], (x, i) => gatherElements(x, i, 1)),
  one('GatherND', 'rows', [any('a', 'b'), index('a', 'c', 1)], (x, i) => gatherNd(x, i)),
  one('ScatterElements', 'replaces', [any(5, 'b'), distinct(5, 3, 'b'), any(3, 'b')], (x, indices, updates) =>
    scatterElements(x, { indices, updates, axis: 0 }),
  ),
  one('ScatterElements', 'adds', [any('a', 'b'), index('b', 'a', 4), any('a', 4)], (x, indices, updates) =>
    scatterElements(x, { indices, updates, axis: 1 }, { reduction: 'add' }),
  ),
  one('ScatterND', 'replaces', [any(5, 'b'), distinct(5, 3, 1), any(3, 'b')], (x, indices, updates) =>
    scatterNd(x, { indices, updates }),
  ),
  one('ScatterElements', 'adds rows', [any('a', 'b'), index('a', 'c', 1), any('c', 'b')], (x, indices, updates) =>
    scatterNd(x, { indices, updates }, { reduction: 'add' }),
  ),
  one('GatherND', 'elements', [any('a', 'a', 2), index('a', 'c', 2)], (x, i) => gatherNd(x, i)),
  one('Gather', 'a tied weight', [any('a', 3), index('a', 'c')], (x, i) =>
    matMul(gather(x, i), x, { transposeB: true }),
  ),
];

const reductions: readonly Case[] = [
  one('ReduceSum', 'all', [any('a', 'b')], (x) => reduceSum(x)),
  one('ReduceSum', 'the middle axis', [any('a', 'b', 'c')], (x) => reduceSum(x, [1])),
  one('ReduceSum', 'kept axes', [any('a', 'b', 'c')], (x) => mul(x, reduceSum(x, [0, 2], { keepDims: true }))),
  one('ReduceMean', 'all', [any('a', 'b')], (x) => reduceMean(x)),
  one('ReduceMean', 'a kept axis', [any('a', 'b')], (x) => sub(x, reduceMean(x, [-1], { keepDims: true }))),
  one('ReduceMax', 'all', [any('a', 'b')], (x) => reduceMax(x)),
  one('ReduceMax', 'a kept axis', [any('a', 'b')], (x) => sub(x, reduceMax(x, [0], { keepDims: true }))),
];

const rotate: (...operands: readonly [Value, Value, Value, Value]) => Value = (x, positions, cosines, sines) =>
  rotaryEmbedding(x, { positions, cos: cosines, sin: sines });

const network: readonly Case[] = [
  one('Softmax', 'the last axis', [any('a', 'b')], (x) => softmax(x)),
  one('Softmax', 'the first axis', [any('a', 'b')], (x) => softmax(x, 0)),
  one('LogSoftmax', 'the last axis', [any('a', 'b')], (x) => logSoftmax(x)),
  one('LogSoftmax', 'picked targets', [any('a', 'b'), index('b', 'a', 2)], (x, i) =>
    gatherElements(logSoftmax(mul(x, x)), i, 1),
  ),
  one('LogSoftmax', 'picked targets and the whole', [any('a', 'b'), index('b', 'a', 1)], (x, i) => {
    const y = logSoftmax(x);
    return add(gatherElements(y, i, 1), reduceSum(mul(exp(y), y), [1], { keepDims: true }));
  }),
  one('SimplifiedLayerNormalization', 'vectors', [any('a', 'b', 4), any(4)], (x, w) => rmsNorm(x, w, 1e-3)),
  one('SimplifiedLayerNormalization', 'one vector', [any(3), any(3)], (x, w) => rmsNorm(x, w, 1e-3)),
  one(
    'RotaryEmbedding',
    'heads side by side',
    [any('a', 'b', 12), index(5, 'a', 'b'), angle(5, 3), angle(5, 3)],
    rotate,
    'float32',
  ),
  one(
    'RotaryEmbedding',
    'heads apart',
    [any('a', 2, 'b', 4), index(5, 'a', 'b'), angle(5, 2), angle(5, 2)],
    rotate,
    'float32',
  ),
];

export const cases: readonly Case[] = [
  ...elementwise,
  ...movement,
  ...gathering,
  ...reductions,
  ...products,
  ...network,
];
