import { allocate, elementCount, type Tensor, viewElements } from '@forge/tensor';
import { dtypeOfElementType, elementTypes } from '../../element-type.ts';
import { UnsupportedTypeError } from '../errors.ts';
import type { Pointer } from './functions.ts';
import type { Library } from './library.ts';
import { Owned } from './owned.ts';
import { readElementType, readShape } from './signature.ts';

// An empty array may lie nowhere, and onnxruntime takes no null: it gets the address of this instead.
const somewhere = new Uint8Array(new ArrayBuffer(64));

/** A native value over the memory of `tensor`, which must outlive it. The caller releases it. */
export function valueOver(library: Library, { dtype, shape, data }: Tensor): Pointer {
  const { api, cpuMemory } = library;
  const sizes = BigInt64Array.from(shape, BigInt);
  const address = library.addressOf(data.byteLength === 0 ? somewhere : data);
  return library.create('CreateTensorWithDataAsOrtValue', (out) =>
    api.createTensorWithDataAsOrtValue(
      cpuMemory,
      address,
      data.byteLength,
      sizes,
      shape.length,
      elementTypes[dtype],
      out,
    ),
  );
}

/** A copy of what a native value holds. */
export function copyOfValue(library: Library, name: string, value: Pointer): Tensor {
  const { api } = library;
  using type = new Owned(
    library.create('GetTensorTypeAndShape', (out) => api.getTensorTypeAndShape(value, out)),
    api.releaseTensorTypeAndShapeInfo,
  );
  const elementType = readElementType(library, type.pointer);
  const dtype = dtypeOfElementType(elementType);
  if (dtype === undefined) throw new UnsupportedTypeError(name, `of ONNX element type ${elementType}`);
  const shape = readShape(library, type.pointer);
  const count = elementCount(shape);
  const byteLength = allocate(dtype, 0).BYTES_PER_ELEMENT * count;
  const address = library.create('GetTensorMutableData', (out) => api.getTensorMutableData(value, out));
  const bytes = byteLength === 0 ? new ArrayBuffer(0) : library.view(address, byteLength).slice(0);
  return { dtype, shape, data: viewElements(dtype, bytes, { count }) };
}
