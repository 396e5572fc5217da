// N rows, I input width, O output width, G groups of a row
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

/** A weight of four bits an element, in groups with a scale each. */
export interface FourBitWeight {
  /** uint8 [O, G, groupSize / 2]: two elements a byte, the earlier one in the low half; 8 stands for 0. */
  readonly values: Value;
  /** float32 [O · G] */
  readonly scales: Value;
  /** I; the last group of a row may be filled up. */
  readonly inputWidth: number;
}

/** int8 products within a group; the activations are quantised by group, row by row. */
const INT8_ACCURACY = 4;

/**
 * `a @ weightᵀ` of a weight with four bits an element. It has no gradient.
 *
 * @param a - float32 [..., I]
 * @returns [..., O]
 * @throws {ShapeError} when the sizes do not fit.
 * Source: onnxruntime operator `MatMulNBits` (com.microsoft).
 */
export function matMulFourBits(a: Value, { values, scales, inputWidth }: FourBitWeight): Value {
  const [O, G, half] = values.shape.map(Number);
  const groupSize = 2 * (half ?? 0);
  const isWhole = a.shape.at(-1) === inputWidth && G === Math.ceil(inputWidth / groupSize);
  if (values.shape.length !== 3 || !isWhole || scales.shape.join() !== `${O! * G!}`) {
    const problem = `they should be [..., ${inputWidth}], [O, groups, groupSize / 2] and [O * groups]`;
    throw new ShapeError('MatMulNBits', [a.shape, values.shape, scales.shape], problem);
  }
  return apply(
    'MatMulNBits',
    [a, values, scales],
    { dtype: a.dtype, shape: [...a.shape.slice(0, -1), O!] },
    {
      K: { int: inputWidth },
      N: { int: O! },
      bits: { int: 4 },
      block_size: { int: groupSize },
      accuracy_level: { int: INT8_ACCURACY },
    },
  );
}
