import type { DType } from '@forge/tensor';
import { broadcast } from '../broadcast.ts';
import { ShapeError } from '../errors.ts';
import { checkSignature } from '../signature.ts';
import { apply, type Value } from '../value.ts';
import { zeros } from './constant.ts';
import { mul } from './elementwise.ts';
import { transpose } from './reshape.ts';

/** How the operands of a product enter it. */
export interface MatMulOptions {
  /** `a` is [..., K, M]. @default false */
  readonly transposeA?: boolean;
  /** `b` is [..., N, K], the layout of a linear layer's weight. @default false */
  readonly transposeB?: boolean;
  /** Factor of the product. @default 1 */
  readonly alpha?: number;
}

/**
 * `alpha * a_MK @ b_KN`, batched over the leading axes, which broadcast.
 *
 * @returns [..., M, N]
 * @throws {ShapeError} when the K axes differ, or an operand has fewer than two axes.
 * Source: ONNX operator `MatMul`, opset 13; with options and for float32, onnxruntime's `FusedMatMul` (com.microsoft).
 */
export function matMul<D extends DType>(
  a: Value<D>,
  b: Value<D>,
  { transposeA = false, transposeB = false, alpha = 1 }: MatMulOptions = {},
): Value<D> {
  const plain = !transposeA && !transposeB && alpha === 1;
  const op = plain || a.dtype !== 'float32' ? 'MatMul' : 'FusedMatMul';
  if (a.shape.length < 2 || b.shape.length < 2) throw new ShapeError(op, [a.shape, b.shape], 'it multiplies matrices');
  const [m, k] = lastTwo(a, transposeA);
  const [kOther, n] = lastTwo(b, transposeB);
  if (k !== kOther) throw new ShapeError(op, [a.shape, b.shape], `${k} and ${kOther} do not contract`);
  const shape = [...broadcast(op, a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n];
  const type = { dtype: a.dtype, shape };
  checkSignature(op, [a.dtype, b.dtype], [a.dtype]);
  // onnxruntime 1.30 neither broadcasts an empty batch nor keeps the batch of products over nothing.
  if (k === 0 || shape.includes(0)) return zeros(a.dtype, shape, [a, b]);
  if (op === 'FusedMatMul') {
    const transposes = { transA: { int: Number(transposeA) }, transB: { int: Number(transposeB) } };
    return apply(op, [a, b], type, { ...transposes, alpha: { float: alpha } });
  }
  const product = apply(op, [transposeA ? swapLast(a) : a, transposeB ? swapLast(b) : b], type);
  return alpha === 1 ? product : mul(product, alpha);
}

function lastTwo({ shape }: Value, transposed: boolean) {
  const [row, column] = [shape.at(-2)!, shape.at(-1)!];
  return transposed ? ([column, row] as const) : ([row, column] as const);
}

/** The last two axes exchanged. */
function swapLast<D extends DType>(x: Value<D>): Value<D> {
  const axes = x.shape.map((_, axis) => axis);
  return transpose(x, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!]);
}
