import fc from 'fast-check';
import {
  abs,
  add,
  cast,
  ceil,
  clamp,
  concat,
  cos,
  cumSum,
  type DifferentiableOperator,
  type Dim,
  div,
  einsum,
  erf,
  exp,
  expand,
  floor,
  gather,
  gatherElements,
  gatherNd,
  gelu,
  layerNorm,
  log,
  logSigmoid,
  logSoftmax,
  logSumExp,
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
  reduceMin,
  reduceSum,
  relu,
  reshape,
  rmsNorm,
  rotaryEmbedding,
  round,
  scatterElements,
  scatterNd,
  sigmoid,
  sign,
  silu,
  sin,
  slice,
  softmax,
  softplus,
  split,
  sqrt,
  squeeze,
  stack,
  stopGradient,
  sub,
  tanh,
  topK,
  transpose,
  unsqueeze,
  type Value,
  variance,
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

/** An operator applied in some way to operands. */
export interface Application {
  /** `a`, `b` and `c` stand for random sizes. */
  readonly operands: readonly Operand[];
  readonly build: (...operands: readonly Value[]) => Value;
}

/** Applications of an operator whose gradients are compared with finite differences. */
export interface Case {
  readonly operator: DifferentiableOperator;
  readonly title: string;
  /** @default 'float64', which leaves finite differences ten good digits; 'float32' where there is no other kernel */
  readonly dtype?: 'float32' | 'float64';
  /** The least of the random sizes: some operators take nothing, others need something. @default 0 */
  readonly least?: 0 | 1;
  readonly applications: fc.Arbitrary<Application>;
}

const any = (...shape: readonly Dim[]): Operand => ({ shape, fill: { kind: 'any' } });
const positive = (...shape: readonly Dim[]): Operand => ({ shape, fill: { kind: 'positive' } });
const bool = (...shape: readonly Dim[]): Operand => ({ shape, fill: { kind: 'bool' } });
const angle = (...shape: readonly Dim[]): Operand => ({ shape, fill: { kind: 'angle' } });
const index = (below: Dim, ...shape: readonly Dim[]): Operand => ({ shape, fill: { kind: 'index', below } });
const distinct = (below: number, ...shape: readonly Dim[]): Operand => ({ shape, fill: { kind: 'distinct', below } });

type Unary = (x: Value) => Value;
type Binary = (x: Value, y: Value) => Value;
type Build = (...operands: readonly [Value, Value, Value, Value]) => Value;

// A build reads as many operands as its application declares.
const built = (operands: readonly Operand[], build: Build): Application => ({
  operands,
  build: build as Application['build'],
});

const one = (
  operator: DifferentiableOperator,
  title: string,
  operands: readonly Operand[],
  build: Build,
  options: Pick<Case, 'dtype' | 'least'> = {},
): Case => ({ operator, title, applications: fc.constant(built(operands, build)), ...options });

const unary = (operator: DifferentiableOperator, apply: Unary, options: Pick<Case, 'dtype'> = {}): Case =>
  one(operator, 'elementwise', [any('a', 'b')], apply, options);
const unaryOfPositive = (operator: DifferentiableOperator, apply: Unary): Case =>
  one(operator, 'elementwise', [positive('a', 'b')], apply);

/** Up to three axes; either operand may lack some in front, and have size 1 in others. */
const binary = (operator: DifferentiableOperator, apply: Binary, right = any): Case => ({
  operator,
  title: 'operands that broadcast',
  applications: fc
    .tuple(
      fc.array(fc.tuple(fc.constantFrom<Dim>('a', 'b', 'c', 2), fc.constantFrom('both', 'both', 'left', 'right')), {
        maxLength: 3,
      }),
      fc.nat(2),
      fc.boolean(),
    )
    .map(([axes, numMissing, leftLacks]) => {
      const left = axes.map(([dim, who]) => (who === 'right' ? 1 : dim));
      const rightShape = axes.map(([dim, who]) => (who === 'left' ? 1 : dim));
      const [a, b] = leftLacks ? [left.slice(numMissing), rightShape] : [left, rightShape.slice(numMissing)];
      return built([any(...a), right(...b)], apply);
    }),
});

const letters = fc.constantFrom<readonly Dim[]>(['a'], ['a', 'b'], ['b', 2], ['a', 'b', 'c']);

/** Along a random axis of one to three, counted from either end. */
const alongAxis = (
  operator: DifferentiableOperator,
  title: string,
  build: (x: Value, axis: number) => Value,
  options: Pick<Case, 'dtype' | 'least'> = {},
): Case => ({
  operator,
  title,
  applications: fc
    .tuple(letters, fc.nat(), fc.boolean())
    .map(([shape, at, fromEnd]) =>
      built([any(...shape)], (x) => build(x, (at % shape.length) - (fromEnd ? shape.length : 0))),
    ),
  ...options,
});

/** Over random axes, counted from either end, or over all. */
const reduction = (
  operator: DifferentiableOperator,
  title: string,
  apply: typeof reduceSum,
  options: Pick<Case, 'least'> = {},
): Case => ({
  operator,
  title,
  applications: letters.chain((shape) =>
    fc
      .record({
        axes: fc.option(fc.subarray(shape.map((_, axis) => axis)), { nil: undefined }),
        fromEnd: fc.boolean(),
        keepDims: fc.boolean(),
      })
      .map(({ axes, fromEnd, keepDims }) => {
        const over = axes?.map((axis) => (fromEnd ? axis - shape.length : axis));
        return built([any(...shape)], (x) => apply(x, over, { keepDims }));
      }),
  ),
  ...options,
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
        one('FusedMatMul', name, [a, b], (x, y) => matMul(x, y, { ...options, alpha: 0.5 }), { dtype: 'float32' }),
      ];
    }),
  ),
);

const elementwise: readonly Case[] = [
  binary('Add', add),
  binary('Sub', sub),
  binary('Mul', mul),
  binary('Div', div, positive),
  binary('Max', max),
  binary('Min', min),
  one('Max', 'clamp', [any('a', 'b')], (x) => clamp(x, { min: -0.1, max: 0.1 })),
  one('Pow', 'both positive', [positive('a', 'b'), positive('b')], (x, y) => pow(x, y)),
  one('Pow', 'a number as exponent', [any('a', 'b')], (x) => pow(x, 3)),
  unary('Neg', neg),
  unary('Abs', abs),
  one('Sign', 'a zero gradient beside another', [any('a')], (x) => mul(sign(x), x)),
  one('Floor', 'a zero gradient beside another', [any('a')], (x) => mul(floor(x), x)),
  one('Ceil', 'a zero gradient beside another', [any('a')], (x) => mul(ceil(x), x)),
  one('Round', 'a zero gradient beside another', [any('a')], (x) => mul(round(x), x)),
  unary('Exp', exp),
  unaryOfPositive('Log', log),
  unaryOfPositive('Sqrt', sqrt),
  unaryOfPositive('Reciprocal', reciprocal),
  unary('Sin', sin),
  unary('Cos', cos),
  unary('Erf', erf, { dtype: 'float32' }),
  unary('Sigmoid', sigmoid),
  unary('Tanh', tanh),
  unary('Relu', relu),
  unary('Gelu', gelu, { dtype: 'float32' }),
  unary('Gelu', (x) => gelu(x, { approximate: 'tanh' }), { dtype: 'float32' }),
  unary('Softplus', softplus, { dtype: 'float32' }),
  unary('Softplus', logSigmoid, { dtype: 'float32' }),
  unary('QuickGelu', silu, { dtype: 'float32' }),
  one('Tanh', 'silu without a kernel of its own', [any('a')], (x) => silu(x)),
  one('Where', 'broadcast', [bool('a', 1), any('b'), any('a', 'b')], (c, x, y) => where(c, x, y)),
  one('Cast', 'to float64 and back', [any('a')], (x) => cast(mul(cast(x, 'float64'), 2), 'float32'), {
    dtype: 'float32',
  }),
  one('Identity', 'no gradient past it', [any('a')], (x) => add(x, mul(stopGradient(x), 0))),
];

const movement: readonly Case[] = [
  one('Reshape', 'joins and cuts axes', [any('a', 'b', 2)], (x) => {
    const flat = reshape(x, [-1, 2]);
    return reshape(mul(flat, flat), [...x.shape.slice(0, 2), 2, 1]);
  }),
  {
    operator: 'Transpose',
    title: 'any order',
    applications: fc.tuple(fc.shuffledSubarray([0, 1, 2], { minLength: 3 }), fc.boolean()).map(([order, fromEnd]) =>
      built([any('a', 'b', 'c')], (x) =>
        transpose(
          x,
          order.map((axis) => (fromEnd ? axis - 3 : axis)),
        ),
      ),
    ),
  },
  one('Expand', 'a new axis and an old one', [any('a', 1)], (x) => expand(x, [3, x.shape[0]!, 2])),
  {
    operator: 'Concat',
    title: 'three pieces along any axis',
    applications: fc.constantFrom(0, 1, -1, -2).map((axis) => {
      const piece = (dim: Dim): Operand => any(...(axis === 1 || axis === -1 ? ['a', dim] : [dim, 'a']));
      return built([piece('b'), piece(2), piece('c')], (x, y, z) => concat([x, y, mul(z, z)], axis));
    }),
  },
  one('Concat', 'stacked', [any('a', 'b'), any('a', 'b')], (x, y) => stack([x, mul(y, y), x], 1)),
  one('Split', 'one piece is not used', [any('a', 6)], (x) => {
    const [first, , last] = split(x, [1, 2, 3], 1);
    return mul(first!, last!);
  }),
  one('Split', 'every piece is used', [any(5, 'a')], (x) => {
    const [first, second, last] = split(x, [2, 1, 2], -2);
    return add(mul(first!, second!), last!);
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
  alongAxis('Pad', 'along any axis', (x, axis) => pad(x, { axis, before: 2, after: 1 })),
  one('Squeeze', 'two axes', [any('a', 1, 'b', 1)], (x) => squeeze(x, [1, -1])),
  one('Unsqueeze', 'two axes', [any('a', 'b')], (x) => unsqueeze(x, [0, -1])),
];

const gathering: readonly Case[] = (
  [
    one('Gather', 'rows, some of them twice', [any('a', 'b'), index('a', 'c', 3)], (x, i) => gather(x, i)),
    one('Gather', 'along the last axis', [any('a', 'b'), index('b', 'c', 2)], (x, i) => gather(x, i, -1)),
    one('Gather', 'distinct rows', [any(5, 'b'), distinct(5, 3)], (x, i) => gather(x, i, 0, { distinctIndices: true })),
    one('Gather', 'distinct columns', [any('b', 5), distinct(5, 3)], (x, i) =>
      gather(x, i, 1, { distinctIndices: true }),
    ),
    one('Gather', 'one place', [any('a', 'b', 2), index('b')], (x, i) => gather(x, i, 1)),
    one('GatherElements', 'along the last axis', [any('a', 'b'), index('b', 'a', 3)], (x, i) =>
      gatherElements(x, i, 1),
    ),
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
  ] as const
).map((each) => ({ ...each, least: 1 }));

const reductions: readonly Case[] = [
  reduction('ReduceSum', 'any axes', reduceSum),
  reduction('ReduceMean', 'any axes', reduceMean, { least: 1 }),
  reduction(
    'ReduceMean',
    'variance over any axes',
    (x, axes, options) => variance(x, axes, { ...options, correction: 0 }),
    {
      least: 1,
    },
  ),
  one('ReduceMean', 'variance of a sample', [any('a', 3)], (x) => variance(x, [1])),
  reduction('ReduceMax', 'any axes', reduceMax, { least: 1 }),
  reduction('ReduceMin', 'any axes', reduceMin, { least: 1 }),
  reduction('ReduceLogSumExp', 'any axes', logSumExp, { least: 1 }),
  one('ReduceSum', 'beside what is reduced', [any('a', 'b', 'c')], (x) =>
    mul(x, reduceSum(x, [0, 2], { keepDims: true })),
  ),
  alongAxis('CumSum', 'along any axis', (x, axis) => cumSum(x, axis)),
  alongAxis('CumSum', 'without the element itself', (x, axis) => cumSum(x, axis, { exclusive: true })),
  alongAxis('CumSum', 'from the end', (x, axis) => cumSum(x, axis, { reverse: true })),
  alongAxis('TopK', 'the largest along any axis', (x, axis) => topK(x, 1, { axis }).values, { least: 1 }),
  one('TopK', 'the first three in order', [any('a', 5)], (x) => topK(x, 3).values),
];

const contractions: readonly Case[] = (
  [
    ['ab,bc->ac', ['a', 'b'], ['b', 'c']],
    ['ab,cb->ca', ['a', 'b'], ['c', 'b']],
    ['cab,cb->ac', ['c', 'a', 'b'], ['c', 'b']],
    ['a,b->ba', ['a'], ['b']],
    ['ab,ab->', ['a', 'b'], ['a', 'b']],
    ['abc,a->b', ['a', 'b', 'c'], ['a']],
  ] as const
).map(([equation, left, right]) =>
  one('MatMul', `einsum ${equation}`, [any(...left), any(...right)], (x, y) => einsum(equation, x, y)),
);

const rotate: (...operands: readonly [Value, Value, Value, Value]) => Value = (x, positions, cosines, sines) =>
  rotaryEmbedding(x, { positions, cos: cosines, sin: sines });

const network: readonly Case[] = [
  alongAxis('Softmax', 'along any axis', softmax),
  alongAxis('LogSoftmax', 'along any axis', logSoftmax),
  one(
    'LogSoftmax',
    'picked targets',
    [any('a', 'b'), index('b', 'a', 2)],
    (x, i) => gatherElements(logSoftmax(mul(x, x)), i, 1),
    { least: 1 },
  ),
  one(
    'LogSoftmax',
    'picked targets and the whole',
    [any('a', 'b'), index('b', 'a', 1)],
    (x, i) => {
      const y = logSoftmax(x);
      return add(gatherElements(y, i, 1), reduceSum(mul(exp(y), y), [1], { keepDims: true }));
    },
    { least: 1 },
  ),
  one('LayerNormalization', 'with a bias', [any('a', 'b', 4), any(4), any(4)], (x, weight, bias) =>
    layerNorm(x, { weight, bias, epsilon: 1e-3 }),
  ),
  one('LayerNormalization', 'without a bias', [any('a', 3), any(3)], (x, weight) => layerNorm(x, { weight })),
  one('SimplifiedLayerNormalization', 'vectors', [any('a', 'b', 4), any(4)], (x, w) => rmsNorm(x, w, 1e-3)),
  one('SimplifiedLayerNormalization', 'one vector', [any(3), any(3)], (x, w) => rmsNorm(x, w, 1e-3)),
  one(
    'RotaryEmbedding',
    'heads side by side',
    [any('a', 'b', 12), index(5, 'a', 'b'), angle(5, 3), angle(5, 3)],
    rotate,
    { dtype: 'float32' },
  ),
  one('RotaryEmbedding', 'heads apart', [any('a', 2, 'b', 4), index(5, 'a', 'b'), angle(5, 2), angle(5, 2)], rotate, {
    dtype: 'float32',
  }),
];

export const cases: readonly Case[] = [
  ...elementwise,
  ...movement,
  ...gathering,
  ...reductions,
  ...products,
  ...contractions,
  ...network,
];
