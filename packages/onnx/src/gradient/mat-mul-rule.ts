// y_MN = alpha · a_MK · b_KN, g the gradient in y
import { multiplyDims } from '../dim.ts';
import { type MatMulOptions, matMul } from '../ops/mat-mul.ts';
import { reshape, transpose } from '../ops/reshape.ts';
import type { Node, Value } from '../value.ts';
import { float, from, int, type Rule } from './rule.ts';

/**
 * Both gradients are products again. Transposes go into the kernel, but for those of `b`, which are sums over rows: there the
 * kernel reads its first operand column by column, and turning the narrower operand round before is quicker.
 * (onnxruntime undoes this unless its `MatmulTransposeFusion` is left out.)
 */
export const matMulRule: Rule = from((gradient, _, [a, b], node) => {
  const { transposeA, transposeB, alpha } = optionsOf(node);
  const product = (left: Value, right: Value, transposes: MatMulOptions): Value =>
    matMul(left, right, { ...transposes, alpha });
  if (transposeA) {
    return [
      product(b, gradient, { transposeA: transposeB, transposeB: true }),
      transposeB ? product(gradient, a, { transposeA: true, transposeB: true }) : product(a, gradient, {}),
    ];
  }
  // A weight gets one product over all rows, not one a batch entry that would have to be summed.
  const rows = b.shape.length === 2 ? asRows : (x: Value) => x;
  const [left, right] = transposeB ? [rows(gradient), rows(a)] : [rows(a), rows(gradient)];
  return [product(gradient, b, { transposeB: !transposeB }), overRows(left, right, alpha)];
});

/** `alpha · leftᵀ · right` of [..., N, P] and [..., N, Q], with the narrower of the two turned round: a size that is known is small. */
function overRows(left: Value, right: Value, alpha: number): Value {
  const [P, Q] = [left, right].map(({ shape }) => Number(shape.at(-1))) as [number, number]; // NaN where it is symbolic
  if (P > Q || (Number.isNaN(P) && !Number.isNaN(Q))) return turned(matMul(turned(right), left, { alpha }));
  return matMul(turned(left), right, { alpha });
}

/** The last two axes exchanged. */
function turned(x: Value): Value {
  const axes = x.shape.map((_, axis) => axis);
  return transpose(x, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!]);
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
