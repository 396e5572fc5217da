import { type DType, type Tensor, type TypedArrayOf, viewElements } from '@forge/tensor';
import type { Tensor as BindingTensor, TypedTensor } from 'onnxruntime-node';
import { OnnxRuntimeError } from '../errors.ts';

/** The constructor of the binding's tensors. */
export type BindingTensorConstructor = typeof BindingTensor;

/** A tensor of the binding over the same memory. */
export function toBinding(Constructor: BindingTensorConstructor, { dtype, shape, data }: Tensor): BindingTensor {
  if (dtype === 'float16') {
    // Where the engine has Float16Array, the constructor turns float16 into one, which the native side cannot read.
    return Object.assign(new Constructor('uint16', data as Uint16Array, shape), { type: dtype });
  }
  // The constructor is overloaded for each type; the dtype was checked when the session was opened.
  return new Constructor(dtype as 'float32', data as Float32Array, shape);
}

/** The tensor of the binding as plain data over the same memory. */
export function fromBinding(dtype: DType, tensor: BindingTensor): Tensor {
  return { dtype, shape: [...tensor.dims], data: elementsOf(dtype, tensor) };
}

/** Copies a result of the binding into the tensor that was given for it. @throws {OnnxRuntimeError} when it is larger or smaller. */
export function copyFromBinding(name: string, source: BindingTensor, target: Tensor): void {
  const { data } = fromBinding(target.dtype, source);
  if (data.length !== target.data.length || source.dims.some((size, dim) => size !== target.shape[dim])) {
    throw new OnnxRuntimeError(
      'The run',
      `the output '${name}' has shape [${source.dims.join(', ')}], but the tensor given for it has [${target.shape.join(', ')}].`,
    );
  }
  // Both hold elements of the same dtype.
  (target.data as Float32Array).set(data as Float32Array);
}

function elementsOf<D extends DType>(dtype: D, { data }: BindingTensor): TypedArrayOf[D] {
  // Only tensors of strings hold anything but a typed array, and no session has them.
  const { buffer, byteOffset, length } = data as TypedTensor<'float32'>['data'];
  return viewElements(dtype, buffer, { byteOffset, count: length });
}
