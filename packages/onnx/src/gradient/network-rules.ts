// N vectors, D width

import { multiplyDims } from '../dim.ts';
import { cast } from '../ops/cast.ts';
import { add, exp, mul, neg, sub } from '../ops/elementwise.ts';
import { matMul } from '../ops/mat-mul.ts';
import { reduceMean, reduceSum } from '../ops/reduce.ts';
import { reshape } from '../ops/reshape.ts';
import { rotaryEmbedding } from '../ops/rotary-embedding.ts';
import { scatterElements } from '../ops/scatter.ts';
import type { Value } from '../value.ts';
import { addOverZeros } from './accumulate.ts';
import { from, gradientOf, inputsOf, int, type Rule } from './rule.ts';

/** y · (g - Σ g·y) */
export const softmaxRule: Rule = from((gradient, y, _, node) => {
  const mean = reduceSum(mul(gradient, y), [int(node, 'axis')], { keepDims: true });
  return [mul(y, sub(gradient, mean))];
});

/**
 * g - eʸ · Σ g. When g is a few picked elements (the log-probabilities of targets), they are added to the dense part
 * in place of a dense g.
 */
export const logSoftmaxRule: Rule = from((gradient, y, _, node) => {
  const axis = int(node, 'axis');
  const picked = addOverZeros(gradient);
  if (picked !== undefined && int(picked, 'axis') === axis) {
    const [, indices, updates] = inputsOf(picked);
    const sum = reduceSum(updates, [axis], { keepDims: true });
    return [scatterElements(mul(exp(y), neg(sum)), { indices, updates, axis }, { reduction: 'add' })];
  }
  return [sub(gradient, mul(exp(y), reduceSum(gradient, [axis], { keepDims: true })))];
});

/**
 * y = w · x · r with r = (mean x² + ε)^-½, saved by the operator:
 * dx = r · (g·w - x · r²/D · Σ g·w·x), dw = Σₙ r·g·x.
 * Both sums are products of g·x with a vector: rows of numbers are columns, too, without a transpose. r gets a gradient itself only from gradients of gradients:
 * dr/dx = -r³ x / D.
 */
export const rmsNormRule: Rule = (node, gradients) => {
  const [x, weight_D] = inputsOf(node);
  const gradient = gradientOf(node, gradients);
  const inverse = cast(node.outputs[1]!, x.dtype); // [..., 1]; the operator always has this output
  const width = Number(x.shape.at(-1));
  const rows = multiplyDims(...x.shape.slice(0, -1));
  const gx = mul(gradient, x);
  const gx_ND = reshape(gx, [rows, width]);
  const inverse_1N = reshape(inverse, [1, rows], { sizesFrom: [x] });
  const sum = reshape(matMul(gx_ND, reshape(weight_D, [width, 1])), inverse.shape, { sizesFrom: [x] });
  const square = mul(inverse, inverse);
  const gradientX = mul(inverse, sub(mul(gradient, weight_D), mul(x, mul(square, mul(sum, 1 / width)))));
  const gradientW = reshape(matMul(inverse_1N, gx_ND), [width]);
  const [, gradientR] = gradients;
  if (gradientR === undefined) return [gradientX, gradientW];
  return [sub(gradientX, mul(x, mul(cast(gradientR, x.dtype), mul(mul(square, inverse), 1 / width)))), gradientW];
};

/**
 * y = w · n + b, n = (x - m) · r with m = mean x and r = (mean (x - m)² + ε)^-½, saved by the operator:
 * dx = r · (g·w - mean g·w - n · mean g·w·n), dw = Σ g·n, db = Σ g.
 * m and r get gradients themselves only from gradients of gradients: dm/dx = 1 / D, dr/dx = -r² n / D.
 */
export const layerNormRule: Rule = (node, gradients) => {
  const [x, weight_D] = inputsOf(node);
  const gradient = gradientOf(node, gradients);
  const [mean, inverse] = [cast(node.outputs[1]!, x.dtype), cast(node.outputs[2]!, x.dtype)]; // always there
  const meanOf = (value: Value): Value => reduceMean(value, [-1], { keepDims: true });
  const normed = mul(sub(x, mean), inverse);
  const weighted = mul(gradient, weight_D);
  const parts = [mul(inverse, sub(sub(weighted, meanOf(weighted)), mul(normed, meanOf(mul(weighted, normed)))))];
  const [, gradientM, gradientR] = gradients;
  const width = Number(x.shape.at(-1));
  if (gradientM !== undefined) parts.push(mul(cast(gradientM, x.dtype), 1 / width));
  if (gradientR !== undefined) {
    parts.push(mul(normed, mul(mul(cast(gradientR, x.dtype), mul(inverse, inverse)), -1 / width)));
  }
  return [parts.reduce(add), mul(gradient, normed), gradient];
};

/** A rotation turned back. */
export const rotaryEmbeddingRule: Rule = from((gradient, _, [, positions, cos], node) => {
  const sin = node.inputs[3]!; // checked when the operator was applied
  return [rotaryEmbedding(gradient, { positions, cos, sin: neg(sin) }), undefined, undefined, undefined];
});
