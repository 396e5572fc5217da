// y_MN = alpha · a_MK · b_KN, g the gradient in y
import { multiplyDims } from '../dim.ts';
import { type MatMulOptions, matMul } from '../ops/mat-mul.ts';
import { reshape, transpose } from '../ops/reshape.ts';
import type { Node, Value } from '../value.ts';
import { float, from, int, type Rule } from './rule.ts';

/**
 * Both gradients are products again. Transposes go into the kernel, but for those of a weight's gradient, which is a sum over
 * many rows: there the kernel reads its first operand column by column, and turning an operand round before is quicker.
 * (onnxruntime undoes this unless its `MatmulTransposeFusion` is left out.)
 */
export const matMulRule: Rule = from((gradient, _, [a, b], node) => {
  const { transposeA, transposeB, alpha } = optionsOf(node);
  const product = (left: Value, right: Value, transposes: MatMulOptions): Value =>
    matMul(left, right, { ...transposes, alpha });
  const gradientA = transposeA
    ? product(b, gradient, { transposeA: transposeB, transposeB: true })
    : product(gradient, b, { transposeB: !transposeB });
  if (b.shape.length === 2 && !transposeA) {
    // A weight gets one product over all rows, not one a batch entry that would have to be summed.
    const [rowsOfA, rowsOfGradient] = [asRows(a), asRows(gradient)];
    return [gradientA, overRows(transposeB ? [rowsOfGradient, rowsOfA] : [rowsOfA, rowsOfGradient], alpha)];
  }
  const gradientB = transposeB
    ? product(gradient, a, { transposeA: true, transposeB: transposeA })
    : product(a, gradient, { transposeA: !transposeA });
  return [gradientA, gradientB];
});

/** `alpha · leftᵀ · right` of [N, P] and [N, Q], with the narrower of the two turned round. */
function overRows([left, right]: readonly [Value, Value], alpha: number): Value {
  const turned = (x: Value): Value => transpose(x, [1, 0]);
  const [P, Q] = [left.shape[1]!, right.shape[1]!];
  if (typeof P === 'number' && typeof Q === 'number' && P > Q) {
    return turned(matMul(turned(right), left, { alpha }));
  }
  return matMul(turned(left), right, { alpha });
}

function asRows(x: Value): Value {
  return reshape(x, [multiplyDims(...x.shape.slice(0, -1)), x.shape.at(-1)!]);
}

function optionsOf(node: Node): Required<MatMulOptions> {
  if (node.op === 'MatMul') return { transposeA: false, transposeB: false, alpha: 1 };
  return {
    transposeA: int(node, 'transA') === 1,
    transposeB: int(node, 'transB') === 1,
    alpha: float(node, 'alpha'),
  };
}
