// I input width, O output width, K blocks of a row of the weight
import { ShapeError } from '../errors.ts';
import { apply, type Value } from '../value.ts';

/** How the numbers of a weight are packed. */
export interface NBits {
  readonly bits: 4 | 8;
  /** Numbers that share a scale: a power of two of at least 16. */
  readonly blockSize: number;
}

/**
 * `a @ weightᵀ`, with the weight in blocks of few bits: a number is `(stored − 2^(bits − 1)) · scale of its block`.
 * Activations are quantised to 8 bit in the same blocks when it runs, so a row does not depend on the others. Fast for a
 * constant weight only, of which onnxruntime makes its own copy. It has no gradient.
 *
 * @param a - float32 [..., I]
 * @param weight - uint8 [O, K, blockSize · bits / 8]; K = ⌈I / blockSize⌉, the first of two numbers of 4 bit in the low half
 * @param scale - float32 [O, K]
 * @returns [..., O]
 * @throws {ShapeError} when the sizes do not fit.
 * Source: onnxruntime operator `MatMulNBits` (com.microsoft).
 */
export function matMulNBits(a: Value, weight: Value, scale: Value, { bits, blockSize }: NBits): Value {
  const I = a.shape.at(-1);
  const [O] = weight.shape;
  const K = typeof I === 'number' ? Math.ceil(I / blockSize) : undefined;
  const fits =
    typeof I === 'number' &&
    typeof O === 'number' &&
    weight.shape.join() === [O, K, (blockSize * bits) / 8].join() &&
    scale.shape.join() === [O, K].join();
  if (!fits) {
    const shapes = [a.shape, weight.shape, scale.shape];
    throw new ShapeError(
      'MatMulNBits',
      shapes,
      'they should be [..., I], [O, I / block, block · bits / 8], [O, I / block]',
    );
  }
  const attributes = {
    K: { int: I },
    N: { int: O },
    bits: { int: bits },
    block_size: { int: blockSize },
    accuracy_level: { int: ACTIVATIONS_OF_8_BIT },
  };
  return apply('MatMulNBits', [a, weight, scale], { dtype: a.dtype, shape: [...a.shape.slice(0, -1), O] }, attributes);
}

/** Source: the operator's `accuracy_level`. */
const ACTIVATIONS_OF_8_BIT = 4;
