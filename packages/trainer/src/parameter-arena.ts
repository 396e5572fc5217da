import { elementCount, type Shape, type Tensor, tensor } from '@forge/tensor';

/** Parameters start at multiples of this many floats: 64 bytes, one cache line. */
const alignment = 16;

/**
 * All parameters of a model, or one number for each of their weights, in one array: a loop over `flat` reaches every one
 * of them, and `tensors` are views of it. The gaps between parameters are 0 and stay 0.
 */
export interface ParameterArena {
  readonly flat: Float32Array;
  readonly tensors: Readonly<Record<string, Tensor<'float32'>>>;
}

/** An arena of zeros for parameters of these shapes. */
export function allocateArena(parameters: readonly { readonly name: string; readonly shape: Shape }[]): ParameterArena {
  let length = 0;
  const offsets = parameters.map(({ shape }) => {
    const offset = length;
    length += Math.ceil(elementCount(shape) / alignment) * alignment;
    return offset;
  });
  const flat = new Float32Array(length);
  const tensors = Object.fromEntries(
    parameters.map(({ name, shape }, i) => {
      const view = flat.subarray(offsets[i]!, offsets[i]! + elementCount(shape));
      return [name, tensor('float32', shape, view)];
    }),
  );
  return { flat, tensors };
}

/** Adds `addend` to `sum` in place. */
export function addInPlace(sum: Float32Array, addend: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += addend[i]!;
}
