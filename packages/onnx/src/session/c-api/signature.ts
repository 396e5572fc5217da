import { dtypeOfElementType } from '../../element-type.ts';
import { UnsupportedTypeError } from '../errors.ts';
import type { TensorSignature } from '../session.ts';
import type { Pointer } from './functions.ts';
import type { Library } from './library.ts';

/** The inputs that a session declares. @throws {UnsupportedTypeError} when one is no tensor of a known dtype. */
export function readInputs(library: Library, session: Pointer): TensorSignature[] {
  const { api, allocator } = library;
  const count = library.create('SessionGetInputCount', (out) => api.sessionGetInputCount(session, out));
  return Array.from({ length: Number(count) }, (_, index) => {
    const name = library.takeString('SessionGetInputName', (out) =>
      api.sessionGetInputName(session, index, allocator, out),
    );
    using type = library.own(
      'SessionGetInputTypeInfo',
      (out) => api.sessionGetInputTypeInfo(session, index, out),
      api.releaseTypeInfo,
    );
    return readSignature(library, name, type.pointer);
  });
}

/** The outputs that a session declares. @throws {UnsupportedTypeError} when one is no tensor of a known dtype. */
export function readOutputs(library: Library, session: Pointer): TensorSignature[] {
  const { api, allocator } = library;
  const count = library.create('SessionGetOutputCount', (out) => api.sessionGetOutputCount(session, out));
  return Array.from({ length: Number(count) }, (_, index) => {
    const name = library.takeString('SessionGetOutputName', (out) =>
      api.sessionGetOutputName(session, index, allocator, out),
    );
    using type = library.own(
      'SessionGetOutputTypeInfo',
      (out) => api.sessionGetOutputTypeInfo(session, index, out),
      api.releaseTypeInfo,
    );
    return readSignature(library, name, type.pointer);
  });
}

function readSignature(library: Library, name: string, type: Pointer): TensorSignature {
  const { api } = library;
  // Belongs to `type`, and is not released on its own.
  const tensor = library.create('CastTypeInfoToTensorInfo', (out) => api.castTypeInfoToTensorInfo(type, out));
  if (tensor === 0n) throw new UnsupportedTypeError(name, 'not a tensor');
  const elementType = readElementType(library, tensor);
  const dtype = dtypeOfElementType(elementType);
  if (dtype === undefined) throw new UnsupportedTypeError(name, `of ONNX element type ${elementType}`);
  const sizes = readShape(library, tensor);
  const symbols = new BigUint64Array(sizes.length);
  library.check('GetSymbolicDimensions', api.getSymbolicDimensions(tensor, symbols, sizes.length));
  const shape = sizes.map((size, dim) => (size >= 0 ? size : library.readString(symbols[dim]!) || undefined));
  return { name, dtype, shape };
}

/** ONNX's number for the elements of a tensor. */
export function readElementType(library: Library, tensor: Pointer): number {
  const type = new Int32Array(1);
  library.check('GetTensorElementType', library.api.getTensorElementType(tensor, type));
  return type[0]!;
}

/** The sizes of a tensor; a negative size is not known. */
export function readShape(library: Library, tensor: Pointer): number[] {
  const { api } = library;
  const rank = Number(library.create('GetDimensionsCount', (out) => api.getDimensionsCount(tensor, out)));
  const sizes = new BigInt64Array(rank);
  library.check('GetDimensions', api.getDimensions(tensor, sizes, rank));
  return Array.from(sizes, Number);
}
