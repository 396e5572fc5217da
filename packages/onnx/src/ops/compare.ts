import type { DType } from '@forge/tensor';
import { broadcast } from '../broadcast.ts';
import type { Operator } from '../operators.ts';
import { apply, type Value } from '../value.ts';
import { type Operand, operands } from './constant.ts';

function compare(op: Operator, a: Operand, b: Operand): Value<'bool'> {
  const [left, right] = operands(op, a, b) as readonly [Value, Value]; // as many as were given
  return apply(op, [left, right], { dtype: 'bool', shape: broadcast(op, left.shape, right.shape) });
}

/** `a == b` as bool, broadcast. Source: ONNX operator `Equal`, opset 19. */
export const equal = (a: Operand, b: Operand): Value<'bool'> => compare('Equal', a, b);

/** `a < b` as bool, broadcast. Source: ONNX operator `Less`, opset 13. */
export const less = (a: Operand, b: Operand): Value<'bool'> => compare('Less', a, b);

/** `a <= b` as bool, broadcast. Source: ONNX operator `LessOrEqual`, opset 16. */
export const lessOrEqual = (a: Operand, b: Operand): Value<'bool'> => compare('LessOrEqual', a, b);

/** `a > b` as bool, broadcast. Source: ONNX operator `Greater`, opset 13. */
export const greater = (a: Operand, b: Operand): Value<'bool'> => compare('Greater', a, b);

/** `a >= b` as bool, broadcast. Source: ONNX operator `GreaterOrEqual`, opset 16. */
export const greaterOrEqual = (a: Operand, b: Operand): Value<'bool'> => compare('GreaterOrEqual', a, b);

/** Both, of two bools, broadcast. Source: ONNX operator `And`, opset 7. */
export const and = (a: Value, b: Value): Value<'bool'> => compare('And', a, b);

/** Either, of two bools, broadcast. Source: ONNX operator `Or`, opset 7. */
export const or = (a: Value, b: Value): Value<'bool'> => compare('Or', a, b);

/** The opposite of a bool. Source: ONNX operator `Not`, opset 1. */
export const not = (x: Value): Value<'bool'> => apply('Not', [x], { dtype: 'bool', shape: x.shape });

/** `a` where `condition` (bool) holds, else `b`; all three broadcast. Source: ONNX operator `Where`, opset 16. */
export function where<D extends DType>(condition: Value, a: Operand<D>, b: Operand<D>): Value<D> {
  const [left, right] = operands('Where', a, b) as readonly [Value<D>, Value<D>]; // as many as were given
  const shape = broadcast('Where', condition.shape, left.shape, right.shape);
  return apply('Where', [condition, left, right], { dtype: left.dtype, shape });
}
