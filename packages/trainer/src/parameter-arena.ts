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

type Shapes = readonly { readonly name: string; readonly shape: Shape }[];

const paddedLength = (shape: Shape): number => Math.ceil(elementCount(shape) / alignment) * alignment;

/** Where each parameter begins in an arena of them, and how long the arena is. */
export function arenaOffsets(parameters: Shapes): { readonly offsets: readonly number[]; readonly length: number } {
  let length = 0;
  const offsets = parameters.map(({ shape }) => {
    const start = length;
    length += paddedLength(shape);
    return start;
  });
  return { offsets, length };
}

/** An arena of zeros for parameters of these shapes. */
export function allocateArena(parameters: Shapes): ParameterArena {
  return viewArena(new Float32Array(arenaOffsets(parameters).length), parameters);
}

/** The arena over an array that is laid out as one, without a copy. */
export function viewArena(flat: Float32Array, parameters: Shapes): ParameterArena {
  const { offsets } = arenaOffsets(parameters);
  const tensors = parameters.map(({ name, shape }, i): [string, Tensor<'float32'>] => {
    const start = offsets[i]!; // one a parameter
    return [name, tensor('float32', shape, flat.subarray(start, start + elementCount(shape)))];
  });
  return { flat, tensors: Object.fromEntries(tensors) };
}

/** Adds `addend` to `sum` in place. */
export function addInPlace(sum: Float32Array, addend: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += addend[i]!;
}
