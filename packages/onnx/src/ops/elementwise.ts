import type { DType } from '@forge/tensor';
import { broadcast } from '../broadcast.ts';
import type { Operator } from '../operators.ts';
import { apply, type Value } from '../value.ts';
import { type Operand, operands } from './constant.ts';

function unary<D extends DType>(op: Operator, x: Value<D>): Value<D> {
  return apply(op, [x], x);
}

function binary<D extends DType>(op: Operator, a: Operand<D>, b: Operand<D>): Value<D> {
  const [left, right] = operands(op, a, b) as readonly [Value<D>, Value<D>]; // as many as were given
  return apply(op, [left, right], { dtype: left.dtype, shape: broadcast(op, left.shape, right.shape) });
}

/** `a + b`, broadcast. Source: ONNX operator `Add`, opset 14. */
export const add = <D extends DType>(a: Operand<D>, b: Operand<D>): Value<D> => binary('Add', a, b);

/** `a - b`, broadcast. Source: ONNX operator `Sub`, opset 14. */
export const sub = <D extends DType>(a: Operand<D>, b: Operand<D>): Value<D> => binary('Sub', a, b);

/** `a * b`, broadcast. Source: ONNX operator `Mul`, opset 14. */
export const mul = <D extends DType>(a: Operand<D>, b: Operand<D>): Value<D> => binary('Mul', a, b);

/** `a / b`, broadcast. Source: ONNX operator `Div`, opset 14. */
export const div = <D extends DType>(a: Operand<D>, b: Operand<D>): Value<D> => binary('Div', a, b);

/** `a ** b`, broadcast. Its gradient in `b` needs `a > 0`. Source: ONNX operator `Pow`, opset 15. */
export const pow = <D extends DType>(a: Operand<D>, b: Operand<D>): Value<D> => binary('Pow', a, b);

/** The larger of `a` and `b`, broadcast; on a tie the gradient goes to `a`. Source: ONNX operator `Max`, opset 13. */
export const max = <D extends DType>(a: Operand<D>, b: Operand<D>): Value<D> => binary('Max', a, b);

/** The smaller of `a` and `b`, broadcast; on a tie the gradient goes to `a`. Source: ONNX operator `Min`, opset 13. */
export const min = <D extends DType>(a: Operand<D>, b: Operand<D>): Value<D> => binary('Min', a, b);

/** `-x`. Source: ONNX operator `Neg`, opset 13. */
export const neg = <D extends DType>(x: Value<D>): Value<D> => unary('Neg', x);

/** `|x|`. Source: ONNX operator `Abs`, opset 13. */
export const abs = <D extends DType>(x: Value<D>): Value<D> => unary('Abs', x);

/** -1, 0 or 1. Its gradient is zero. Source: ONNX operator `Sign`, opset 13. */
export const sign = <D extends DType>(x: Value<D>): Value<D> => unary('Sign', x);

/** `e ** x`. Source: ONNX operator `Exp`, opset 13. */
export const exp = <D extends DType>(x: Value<D>): Value<D> => unary('Exp', x);

/** The natural logarithm. Source: ONNX operator `Log`, opset 13. */
export const log = <D extends DType>(x: Value<D>): Value<D> => unary('Log', x);

/** The square root. Source: ONNX operator `Sqrt`, opset 13. */
export const sqrt = <D extends DType>(x: Value<D>): Value<D> => unary('Sqrt', x);

/** `1 / x`. Source: ONNX operator `Reciprocal`, opset 13. */
export const reciprocal = <D extends DType>(x: Value<D>): Value<D> => unary('Reciprocal', x);

/** The sine of radians. Source: ONNX operator `Sin`, opset 7. */
export const sin = <D extends DType>(x: Value<D>): Value<D> => unary('Sin', x);

/** The cosine of radians. Source: ONNX operator `Cos`, opset 7. */
export const cos = <D extends DType>(x: Value<D>): Value<D> => unary('Cos', x);

/** The error function. Source: ONNX operator `Erf`, opset 13. */
export const erf = <D extends DType>(x: Value<D>): Value<D> => unary('Erf', x);

/** The next whole number below. Its gradient is zero. Source: ONNX operator `Floor`, opset 13. */
export const floor = <D extends DType>(x: Value<D>): Value<D> => unary('Floor', x);

/** The next whole number above. Its gradient is zero. Source: ONNX operator `Ceil`, opset 13. */
export const ceil = <D extends DType>(x: Value<D>): Value<D> => unary('Ceil', x);

/** The nearest whole number, halves to the even one. Its gradient is zero. Source: ONNX operator `Round`, opset 11. */
export const round = <D extends DType>(x: Value<D>): Value<D> => unary('Round', x);

/** The ends of an interval. */
export interface Limits<D extends DType = DType> {
  /** @default none */
  readonly min?: Operand<D>;
  /** @default none */
  readonly max?: Operand<D>;
}

/** `x` moved into an interval; its gradient passes within, ends included. Source: PyTorch's `clamp`. */
export function clamp<D extends DType>(x: Value<D>, { min: low, max: high }: Limits<D>): Value<D> {
  const raised = low === undefined ? x : max(x, low);
  return high === undefined ? raised : min(raised, high);
}
