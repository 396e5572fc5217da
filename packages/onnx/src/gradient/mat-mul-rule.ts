// y_MN = alpha · a_MK · b_KN, g the gradient in y
import { multiplyDims } from '../dim.ts';
import { type MatMulOptions, matMul } from '../ops/mat-mul.ts';
import { reshape } from '../ops/reshape.ts';
import type { Node, Value } from '../value.ts';
import { float, from, int, type Rule } from './rule.ts';

/** Both gradients are products again; transposes go into the kernel. */
export const matMulRule: Rule = from((gradient, _, [a, b], node) => {
  const { transposeA, transposeB, alpha } = optionsOf(node);
  const product = (left: Value, right: Value, transposes: MatMulOptions): Value =>
    matMul(left, right, { ...transposes, alpha });
  const gradientA = transposeA
    ? product(b, gradient, { transposeA: transposeB, transposeB: true })
    : product(gradient, b, { transposeB: !transposeB });
  // A weight gets one product over all rows, not one a batch entry that would have to be summed.
  const rows = b.shape.length === 2 && !transposeA ? asRows : (x: Value) => x;
  const gradientB = transposeB
    ? product(rows(gradient), rows(a), { transposeA: true, transposeB: transposeA })
    : product(rows(a), rows(gradient), { transposeA: !transposeA });
  return [gradientA, gradientB];
});

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
