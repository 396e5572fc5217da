import type { DType } from '@forge/tensor';
import fc from 'fast-check';
import * as onnx from '../../src/index.ts';
import { input, type Operand, scalar, type Value } from '../../src/index.ts';

/** One application of an operator to operands that may or may not fit; throws when they do not. */
export type Application = () => Value | readonly Value[];

const size = fc.integer({ min: 0, max: 3 });
const shape = fc.array(size, { maxLength: 3 });
const dtype = fc.oneof({ weight: 8, arbitrary: fc.constant('float32') }, fc.constantFrom('float64', 'int64', 'bool'));
const axis = fc.constantFrom(-1, -1, -1, 0, 0, 0, 1, 1, -2, 2, -3, 3, -4);
const axes = fc.option(fc.array(axis, { maxLength: 3 }), { nil: undefined, freq: 3 });
const place = fc.constantFrom(0, 0, 1, 1, 2, -1, -1, -2, 3, -3);
const reduction = fc.constantFrom<'none' | 'add'>('none', 'add');
const target = fc.array(fc.integer({ min: -2, max: 4 }), { maxLength: 4 });

let count = 0;
/** An input of a name of its own, which is fed with ones. */
function fresh(type: DType, dims: readonly number[]): Value {
  return input(`x${count++}`, type, dims);
}

/** An input that is fed with zeros: as indices they lie in every axis that is not empty. */
function places(type: DType, dims: readonly number[]): Value {
  return input(`zero${count++}`, type, dims);
}

const anyValue = fc.tuple(dtype, shape).map(([type, dims]) => fresh(type, dims));
const ofType = (type: DType) => shape.map((dims) => fresh(type, dims));
/** The dtype and shape of indices; the dtype is wrong now and then. */
const indices = fc.tuple(fc.constantFrom<DType>('int64', 'int64', 'int32', 'float32'), shape);
const full = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 });

/** A shape near `dims`: some sizes 1, axes in front gone or new, now and then another size. */
const near = (dims: readonly number[]): fc.Arbitrary<readonly number[]> =>
  fc
    .tuple(fc.nat(2), fc.array(fc.constantFrom('same', 'same', 'same', 'one', 'other'), { minLength: 5, maxLength: 5 }))
    .map(([dropped, kinds]) =>
      dims
        .map((each, i) => (kinds[i] === 'one' ? 1 : kinds[i] === 'other' ? each + 1 : each))
        .slice(dropped === 2 ? 1 : 0),
    );

const pair = (type: fc.Arbitrary<DType> = dtype): fc.Arbitrary<readonly [Value, Value]> =>
  fc
    .tuple(type, fc.option(type, { nil: undefined, freq: 5 }), shape)
    .chain(([a, other, dims]) => near(dims).map((nearby) => [fresh(a, dims), fresh(other ?? a, nearby)] as const));

const unary = (apply: (x: Value) => Value): fc.Arbitrary<Application> => anyValue.map((x) => () => apply(x));
const binary = (apply: (a: Operand, b: Operand) => Value): fc.Arbitrary<Application> =>
  fc.oneof(
    pair().map(
      ([a, b]) =>
        () =>
          apply(a, b),
    ),
    anyValue.map((x) => () => apply(x, 2)),
  );
const logical = (apply: (a: Value, b: Value) => Value): fc.Arbitrary<Application> =>
  pair(fc.constantFrom('bool', 'bool', 'bool', 'float32')).map(
    ([a, b]) =>
      () =>
        apply(a, b),
  );
const reduced = (apply: typeof onnx.reduceSum): fc.Arbitrary<Application> =>
  fc.tuple(anyValue, axes, fc.boolean()).map(
    ([x, over, keepDims]) =>
      () =>
        apply(x, over, { keepDims }),
  );
const alongAxis = (apply: (x: Value, at: number) => Value): fc.Arbitrary<Application> =>
  fc.tuple(anyValue, axis).map(
    ([x, at]) =>
      () =>
        apply(x, at),
  );

function each<Operator>(
  operators: Readonly<Record<string, Operator>>,
  application: (operator: Operator) => fc.Arbitrary<Application>,
): Record<string, fc.Arbitrary<Application>> {
  return Object.fromEntries(Object.entries(operators).map(([name, operator]) => [name, application(operator)]));
}

const { add, sub, mul, div, pow, max, min, equal, less, lessOrEqual, greater, greaterOrEqual, and, or } = onnx;
const { neg, abs, sign, exp, log, sqrt, reciprocal, sin, cos, erf, sigmoid, tanh, relu, silu } = onnx;
const { gelu, softplus, logSigmoid, floor, ceil, round, clamp, reduceMin, logSumExp, variance } = onnx;
const { stopGradient, shapeOf, reduceSum, reduceMean, reduceMax, softmax, logSoftmax } = onnx;

/** Random applications of every function that applies an operator. */
export const applications: Readonly<Record<string, fc.Arbitrary<Application>>> = {
  ...each({ add, sub, mul, div, pow, max, min, equal, less, lessOrEqual, greater, greaterOrEqual }, binary),
  ...each({ neg, abs, sign, exp, log, sqrt, reciprocal, sin, cos, erf, sigmoid, tanh, relu, silu }, unary),
  ...each({ softplus, logSigmoid, floor, ceil, round, stopGradient, shapeOf }, unary),
  gelu: fc.tuple(anyValue, fc.constantFrom<'none' | 'tanh'>('none', 'tanh')).map(
    ([x, approximate]) =>
      () =>
        gelu(x, { approximate }),
  ),
  clamp: fc.tuple(pair(), fc.boolean()).map(
    ([[x, min], isNumber]) =>
      () =>
        clamp(x, isNumber ? { max: 3 } : { min, max: 4 }),
  ),
  ...each({ reduceSum, reduceMean, reduceMax, reduceMin, logSumExp, variance }, reduced),
  ...each({ softmax, logSoftmax }, alongAxis),
  ...each({ and, or }, logical),
  not: fc.oneof(ofType('bool'), anyValue).map((x) => () => onnx.not(x)),
  where: fc.tuple(pair(), fc.constantFrom<DType>('bool', 'bool', 'bool', 'float32'), shape).map(
    ([[a, b], type, dims]) =>
      () =>
        onnx.where(fresh(type, a.shape.length === 0 ? dims : (a.shape as number[])), a, b),
  ),
  cast: fc.tuple(anyValue, fc.constantFrom<DType>('float32', 'float64', 'int64', 'int32', 'bool', 'float16')).map(
    ([x, to]) =>
      () =>
        onnx.cast(x, to),
  ),
  scalar: fc
    .tuple(fc.constantFrom(0, -1, 0.5, 300, Number.NaN), fc.constantFrom<DType>('float32', 'int64', 'uint8', 'bool'))
    .map(
      ([value, type]) =>
        () =>
          scalar(value, type),
    ),
  zeros: fc.tuple(dtype, target).map(
    ([type, dims]) =>
      () =>
        onnx.zeros(type, dims),
  ),
  reshape: fc.oneof(
    fc.tuple(anyValue, target).map(
      ([x, dims]) =>
        () =>
          onnx.reshape(x, dims),
    ),
    anyValue.map((x) => () => onnx.reshape(x, [...x.shape.toReversed(), 1])),
    anyValue.map((x) => () => onnx.reshape(x, [-1])),
  ),
  transpose: fc.oneof(
    fc.tuple(anyValue, fc.array(axis, { maxLength: 3 })).map(
      ([x, order]) =>
        () =>
          onnx.transpose(x, order),
    ),
    anyValue.map(
      (x) => () =>
        onnx.transpose(
          x,
          x.shape.map((_, i) => -1 - i),
        ),
    ),
  ),
  expand: fc.oneof(
    fc.tuple(anyValue, target).map(
      ([x, dims]) =>
        () =>
          onnx.expand(x, dims),
    ),
    fc.tuple(anyValue, size).map(
      ([x, more]) =>
        () =>
          onnx.expand(x, [more, ...x.shape.map((each) => (each === 1 ? more : each))]),
    ),
  ),
  squeeze: fc.oneof(
    fc.tuple(anyValue, fc.array(axis, { maxLength: 2 })).map(
      ([x, over]) =>
        () =>
          onnx.squeeze(x, over),
    ),
    fc.tuple(fc.array(fc.constantFrom(1, 1, 2), { minLength: 1, maxLength: 3 }), axis).map(
      ([dims, at]) =>
        () =>
          onnx.squeeze(fresh('float32', dims), [at]),
    ),
  ),
  unsqueeze: fc.tuple(anyValue, fc.array(axis, { maxLength: 2 })).map(
    ([x, over]) =>
      () =>
        onnx.unsqueeze(x, over),
  ),
  stack: fc.tuple(pair(), axis).map(
    ([xs, at]) =>
      () =>
        onnx.stack(xs, at),
  ),
  arange: fc.integer({ min: -1, max: 4 }).map((end) => () => onnx.arange(end)),
  cumSum: fc.tuple(anyValue, axis, fc.boolean(), fc.boolean()).map(
    ([x, at, exclusive, reverse]) =>
      () =>
        onnx.cumSum(x, at, { exclusive, reverse }),
  ),
  topK: fc.tuple(anyValue, axis, fc.integer({ min: -1, max: 3 })).map(
    ([x, at, k]) =>
      () =>
        Object.values(onnx.topK(x, k, { axis: at })),
  ),
  argMax: fc.tuple(anyValue, axis, fc.boolean()).map(
    ([x, at, keepDims]) =>
      () =>
        onnx.argMax(x, at, { keepDims }),
  ),
  einsum: fc
    .tuple(
      fc.constantFrom(
        'ij,jk->ik',
        'ij,kj->ki',
        'ij,ij->',
        'i,j->ij',
        'bij,bkj->bik',
        'ij->ji',
        'ij->',
        'ij,jk,k->i',
        'ij,jk',
        'ij,jj->i',
        'ij,jk->iz',
      ),
      pair(),
      axis,
    )
    .chain(([equation, [x, y], at]) =>
      fc.record({ i: size, j: size, k: size, b: size }).map((sizes) => () => {
        const terms = equation.split('->')[0]!.split(',');
        const fitting = terms.map((term) =>
          fresh(
            'float32',
            [...term].map((letter) => sizes[letter as 'i']),
          ),
        );
        return onnx.einsum(equation, ...(at === 2 ? [x, y] : fitting));
      }),
    ),
  layerNorm: fc.tuple(shape, fc.nat(2), dtype).map(([dims, kind, type]) => () => {
    const learned = () => fresh('float32', kind === 0 ? dims : dims.slice(-1));
    return onnx.layerNorm(fresh(type, dims), { weight: learned(), ...(kind === 2 && { bias: learned() }) });
  }),
  matMulNBits: fc.tuple(shape, fc.constantFrom<4 | 8>(4, 8), fc.nat(2)).map(
    ([dims, bits, kind]) =>
      () =>
        onnx.matMulNBits(
          fresh('float32', kind === 0 ? dims : [...dims, 32]),
          fresh('uint8', [3, 2, kind === 1 ? 5 : 2 * bits]),
          fresh('float32', [3, 2]),
          { bits, blockSize: 16 },
        ),
  ),
  concat: fc.oneof(
    fc.tuple(pair(), axis).map(
      ([xs, at]) =>
        () =>
          onnx.concat(xs, at),
    ),
    fc.tuple(fc.array(anyValue, { maxLength: 3 }), axis).map(
      ([xs, at]) =>
        () =>
          onnx.concat(xs, at),
    ),
  ),
  split: fc
    .tuple(anyValue, fc.array(fc.integer({ min: -1, max: 3 }), { maxLength: 3 }), axis)
    .chain(([x, pieces, at]) =>
      fc.boolean().map((completes) => () => {
        const last = Number(x.shape.at(at) ?? 0) - pieces.reduce((sum, each) => sum + each, 0);
        return onnx.split(x, completes ? [...pieces, last] : pieces, at);
      }),
    ),
  slice: fc.tuple(anyValue, axis, fc.option(place, { nil: undefined }), fc.option(place, { nil: undefined })).map(
    ([x, at, start, end]) =>
      () =>
        onnx.slice(x, { axis: at, ...(start !== undefined && { start }), ...(end !== undefined && { end }) }),
  ),
  pad: fc.tuple(anyValue, axis, fc.integer({ min: -1, max: 3 }), fc.integer({ min: -1, max: 3 })).map(
    ([x, at, before, after]) =>
      () =>
        onnx.pad(x, { axis: at, before, after }),
  ),
  gather: fc.tuple(full, indices, axis).map(
    ([dims, [type, at], along]) =>
      () =>
        onnx.gather(fresh('float32', dims), places(type, at), along),
  ),
  gatherElements: fc.tuple(full, indices, axis, fc.boolean()).map(
    ([dims, [type, at], along, fits]) =>
      () =>
        onnx.gatherElements(fresh('float32', dims), places(type, fits ? dims : at), along),
  ),
  gatherNd: fc.tuple(full, indices, fc.nat(3)).map(
    ([dims, [type, at], depth]) =>
      () =>
        onnx.gatherNd(fresh('float32', dims), places(type, [...at, depth])),
  ),
  scatterElements: fc
    .tuple(full, indices, axis, reduction, fc.nat(3))
    .map(([dims, [type, at], along, how, kind]) => () => {
      const where = kind === 0 ? at : dims;
      const updates = kind === 1 ? at : where;
      return onnx.scatterElements(
        fresh('float32', dims),
        { indices: places(type, where), updates: fresh('float32', updates), axis: along },
        { reduction: how },
      );
    }),
  scatterNd: fc
    .tuple(full, indices, fc.nat(3), reduction, fc.nat(3))
    .map(([dims, [type, at], depth, how, kind]) => () => {
      const updates = kind === 0 ? dims : [...at, ...dims.slice(depth)];
      return onnx.scatterNd(
        fresh('float32', dims),
        { indices: places(type, [...at, depth]), updates: fresh('float32', updates) },
        { reduction: how },
      );
    }),
  matMul: fc
    .tuple(
      fc.array(size, { minLength: 2, maxLength: 2 }),
      shape,
      size,
      fc.constantFrom<DType>('float32', 'float32', 'float64', 'bool'),
      fc.boolean(),
      fc.boolean(),
      fc.constantFrom(1, 0.5),
      fc.boolean(),
    )
    .chain(([[m, k], batch, n, type, transposeA, transposeB, alpha, fits]) =>
      near(batch).map((otherBatch) => () => {
        const left = transposeA ? [k!, m!] : [m!, k!];
        const right = transposeB === fits ? [n, k!] : [k!, n];
        return onnx.matMul(fresh(type, [...batch, ...left]), fresh(type, [...otherBatch, ...right]), {
          transposeA,
          transposeB,
          alpha,
        });
      }),
    ),
  rmsNorm: fc.tuple(shape, fc.boolean(), dtype).map(
    ([dims, fits, type]) =>
      () =>
        onnx.rmsNorm(fresh(type, dims), fresh(type, fits ? dims.slice(-1) : dims), 1e-6),
  ),
  rotaryEmbedding: fc
    .tuple(shape, fc.integer({ min: 1, max: 2 }), fc.integer({ min: 0, max: 4 }))
    .map(([dims, half, kind]) => () => {
      const x = fresh('float32', kind === 0 ? dims : [...dims.slice(0, 2), 2 * half]);
      const cos = fresh('float32', [4, half]);
      return onnx.rotaryEmbedding(x, {
        positions: places('int64', kind === 1 ? [1] : dims.slice(0, 2)),
        cos,
        sin: kind === 2 ? fresh('float32', [4, half + 1]) : cos,
      });
    }),
  dynamicQuantizeMatMul: fc
    .tuple(shape, size, size, fc.integer({ min: 0, max: 4 }))
    .map(([dims, width, columns, kind]) => () => {
      const a = fresh('float32', kind === 0 ? dims : [...dims, width]);
      return onnx.dynamicQuantizeMatMul(
        a,
        fresh('int8', [width, columns]),
        fresh('float32', kind === 1 ? dims : [columns]),
      );
    }),
  groupQueryAttention: fc
    .record({
      batch: fc.integer({ min: 1, max: 2 }),
      heads: fc.integer({ min: 1, max: 4 }),
      kvHeads: fc.integer({ min: 1, max: 2 }),
      keyWidth: fc.constantFrom(8, 8, 8, 16),
      capacity: fc.integer({ min: 1, max: 3 }),
    })
    .map(({ batch, heads, kvHeads, keyWidth, capacity }) => () => {
      const cache = () => fresh('float32', [batch, kvHeads, capacity, 8]);
      const { output, presentKey, presentValue } = onnx.groupQueryAttention({
        query: fresh('float32', [batch, 1, heads * 8]),
        key: fresh('float32', [batch, 1, kvHeads * keyWidth]),
        value: fresh('float32', [batch, 1, kvHeads * 8]),
        pastKey: cache(),
        pastValue: cache(),
        seqlensK: places('int32', [batch]),
        totalSequenceLength: scalar(1, 'int32'),
        numHeads: heads,
        numKvHeads: kvHeads,
      });
      return [output, presentKey, presentValue];
    }),
};
