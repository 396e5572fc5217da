import { broadcast } from '../broadcast.ts';
import type { Operator } from '../operators.ts';
import { apply, type Value } from '../value.ts';
import { type Operand, operands } from './constant.ts';

function unary(op: Operator, x: Value): Value {
  return apply(op, [x], x);
}

function binary(op: Operator, a: Operand, b: Operand): Value {
  const [left, right] = operands(op, a, b) as readonly [Value, Value]; // as many as were given
  return apply(op, [left, right], { dtype: left.dtype, shape: broadcast(op, left.shape, right.shape) });
}

/** `a + b`, broadcast. Source: ONNX operator `Add`, opset 14. */
export const add = (a: Operand, b: Operand): Value => binary('Add', a, b);

/** `a - b`, broadcast. Source: ONNX operator `Sub`, opset 14. */
export const sub = (a: Operand, b: Operand): Value => binary('Sub', a, b);

/** `a * b`, broadcast. Source: ONNX operator `Mul`, opset 14. */
export const mul = (a: Operand, b: Operand): Value => binary('Mul', a, b);

/** `a / b`, broadcast. Source: ONNX operator `Div`, opset 14. */
export const div = (a: Operand, b: Operand): Value => binary('Div', a, b);

/** `a ** b`, broadcast. Its gradient in `b` needs `a > 0`. Source: ONNX operator `Pow`, opset 15. */
export const pow = (a: Operand, b: Operand): Value => binary('Pow', a, b);

/** The larger of `a` and `b`, broadcast; on a tie the gradient goes to `a`. Source: ONNX operator `Max`, opset 13. */
export const max = (a: Operand, b: Operand): Value => binary('Max', a, b);

/** The smaller of `a` and `b`, broadcast; on a tie the gradient goes to `a`. Source: ONNX operator `Min`, opset 13. */
export const min = (a: Operand, b: Operand): Value => binary('Min', a, b);

/** `-x`. Source: ONNX operator `Neg`, opset 13. */
export const neg = (x: Value): Value => unary('Neg', x);

/** `|x|`. Source: ONNX operator `Abs`, opset 13. */
export const abs = (x: Value): Value => unary('Abs', x);

/** -1, 0 or 1. Its gradient is zero. Source: ONNX operator `Sign`, opset 13. */
export const sign = (x: Value): Value => unary('Sign', x);

/** `e ** x`. Source: ONNX operator `Exp`, opset 13. */
export const exp = (x: Value): Value => unary('Exp', x);

/** The natural logarithm. Source: ONNX operator `Log`, opset 13. */
export const log = (x: Value): Value => unary('Log', x);

/** The square root. Source: ONNX operator `Sqrt`, opset 13. */
export const sqrt = (x: Value): Value => unary('Sqrt', x);

/** `1 / x`. Source: ONNX operator `Reciprocal`, opset 13. */
export const reciprocal = (x: Value): Value => unary('Reciprocal', x);

/** The sine of radians. Source: ONNX operator `Sin`, opset 7. */
export const sin = (x: Value): Value => unary('Sin', x);

/** The cosine of radians. Source: ONNX operator `Cos`, opset 7. */
export const cos = (x: Value): Value => unary('Cos', x);

/** The error function. Source: ONNX operator `Erf`, opset 13. */
export const erf = (x: Value): Value => unary('Erf', x);

/** The next whole number below. Its gradient is zero. Source: ONNX operator `Floor`, opset 13. */
export const floor = (x: Value): Value => unary('Floor', x);

/** The next whole number above. Its gradient is zero. Source: ONNX operator `Ceil`, opset 13. */
export const ceil = (x: Value): Value => unary('Ceil', x);

/** The nearest whole number, halves to the even one. Its gradient is zero. Source: ONNX operator `Round`, opset 11. */
export const round = (x: Value): Value => unary('Round', x);

/** The ends of an interval. */
export interface Limits {
  /** @default none */
  readonly min?: Operand;
  /** @default none */
  readonly max?: Operand;
}

/** `x` moved into an interval; its gradient passes within, ends included. Source: PyTorch's `clamp`. */
export function clamp(x: Value, { min: low, max: high }: Limits): Value {
  const raised = low === undefined ? x : max(x, low);
  return high === undefined ? raised : min(raised, high);
}
