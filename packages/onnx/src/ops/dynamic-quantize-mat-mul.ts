// I input width, O output width
import { ShapeError } from '../errors.ts';
import { apply, type Value } from '../value.ts';

/**
 * `a @ (weight · scale)`, with `a` quantised to 8 bit as a whole when it runs: the fastest product there is on a CPU,
 * and one whose rows depend on each other. It has no gradient.
 *
 * @param a - float32 [..., I]
 * @param weight - int8 [I, O]
 * @param scale - float32 [O], one a column
 * @returns [..., O]
 * @throws {ShapeError} when the sizes do not fit.
 * Source: onnxruntime operator `DynamicQuantizeMatMul` (com.microsoft).
 */
export function dynamicQuantizeMatMul(a: Value, weight: Value, scale: Value): Value {
  const [I, O] = weight.shape;
  if (weight.shape.length !== 2 || a.shape.at(-1) !== I || scale.shape.join() !== `${O}`) {
    const shapes = [a.shape, weight.shape, scale.shape];
    throw new ShapeError('DynamicQuantizeMatMul', shapes, 'they should be [..., I], [I, O] and [O]');
  }
  return apply('DynamicQuantizeMatMul', [a, weight, scale], { dtype: a.dtype, shape: [...a.shape.slice(0, -1), O!] });
}
