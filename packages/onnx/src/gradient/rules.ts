import type { DifferentiableOperator } from '../operators.ts';
import { sigmoid } from '../ops/activations.ts';
import { cast } from '../ops/cast.ts';
import { greater, greaterOrEqual, lessOrEqual, where } from '../ops/compare.ts';
import { cos, div, exp, log, mul, neg, pow, sign, sin, sub } from '../ops/elementwise.ts';
import { reshape, transpose } from '../ops/reshape.ts';
import { geluRule, quickGeluRule } from './activation-rules.ts';
import {
  gatherElementsRule,
  gatherNdRule,
  gatherRule,
  scatterElementsRule,
  scatterNdRule,
  topKRule,
} from './gather-rules.ts';
import { matMulRule } from './mat-mul-rule.ts';
import { concatRule, padRule, sliceRule, splitRule } from './movement-rules.ts';
import { layerNormRule, logSoftmaxRule, rmsNormRule, rotaryEmbeddingRule, softmaxRule } from './network-rules.ts';
import { cumSumRule, logSumExpRule, reduceMaxRule, reduceMeanRule, reduceSumRule } from './reduce-rules.ts';
import { from, ints, type Rule } from './rule.ts';

/** Calculus: one operator a line. `g` is the gradient in the output `y`; the walk sums broadcast gradients back. */
export const rules = {
  Add: from((g) => [g, g]),
  Sub: from((g) => [g, neg(g)]),
  Mul: from((g, _, [a, b]) => [mul(g, b), mul(g, a)]),
  Div: from((g, y, [, b]) => [div(g, b), neg(div(mul(g, y), b))]),
  Pow: from((g, y, [a, b]) => [mul(g, mul(b, pow(a, sub(b, 1)))), mul(g, mul(y, log(a)))]),
  Max: from((g, _, [a, b]) => [where(greaterOrEqual(a, b), g, 0), where(greaterOrEqual(a, b), 0, g)]),
  Min: from((g, _, [a, b]) => [where(lessOrEqual(a, b), g, 0), where(lessOrEqual(a, b), 0, g)]),
  Neg: from((g) => [neg(g)]),
  Abs: from((g, _, [x]) => [mul(g, sign(x))]),
  Sign: from(() => ['zero']),
  Exp: from((g, y) => [mul(g, y)]),
  Log: from((g, _, [x]) => [div(g, x)]),
  Sqrt: from((g, y) => [div(mul(g, 0.5), y)]),
  Reciprocal: from((g, y) => [neg(mul(g, mul(y, y)))]),
  Sin: from((g, _, [x]) => [mul(g, cos(x))]),
  Cos: from((g, _, [x]) => [neg(mul(g, sin(x)))]),
  Erf: from((g, _, [x]) => [mul(g, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI)))]),
  Sigmoid: from((g, y) => [mul(g, mul(y, sub(1, y)))]),
  Tanh: from((g, y) => [mul(g, sub(1, mul(y, y)))]),
  Relu: from((g, y) => [where(greater(y, 0), g, 0)]),
  Gelu: geluRule,
  Softplus: from((g, _, [x]) => [mul(g, sigmoid(x))]),
  Floor: from(() => ['zero']),
  Ceil: from(() => ['zero']),
  Round: from(() => ['zero']),
  QuickGelu: quickGeluRule,
  Where: from((g, _, [condition]) => [undefined, where(condition, g, 0), where(condition, 0, g)]),
  Cast: from((g, _, [x]) => [cast(g, x.dtype)]),
  Identity: from(() => ['zero']), // stopGradient
  Reshape: from((g, _, [x]) => [reshape(g, x.shape, { sizesFrom: [x] })]),
  Squeeze: from((g, _, [x]) => [reshape(g, x.shape, { sizesFrom: [x] })]),
  Unsqueeze: from((g, _, [x]) => [reshape(g, x.shape, { sizesFrom: [x] })]),
  Transpose: from((g, _, _inputs, node) => [
    transpose(
      g,
      ints(node, 'perm').map((_axis, i, perm) => perm.indexOf(i)),
    ),
  ]),
  Expand: from((g) => [g]),
  Concat: concatRule,
  Split: splitRule,
  Slice: sliceRule,
  Pad: padRule,
  Gather: gatherRule,
  GatherElements: gatherElementsRule,
  GatherND: gatherNdRule,
  ScatterElements: scatterElementsRule,
  ScatterND: scatterNdRule,
  MatMul: matMulRule,
  FusedMatMul: matMulRule,
  ReduceSum: reduceSumRule,
  ReduceMean: reduceMeanRule,
  ReduceMax: reduceMaxRule,
  ReduceMin: reduceMaxRule,
  ReduceLogSumExp: logSumExpRule,
  CumSum: cumSumRule,
  TopK: topKRule,
  Softmax: softmaxRule,
  LogSoftmax: logSoftmaxRule,
  LayerNormalization: layerNormRule,
  SimplifiedLayerNormalization: rmsNormRule,
  RotaryEmbedding: rotaryEmbeddingRule,
} as const satisfies Readonly<Record<DifferentiableOperator, Rule>>;
