import { describe, expect, test } from 'vitest';
import {
  bytesOf,
  DTypeError,
  dtypes,
  elementCount,
  isDType,
  reshape,
  rowMajorStrides,
  ShapeError,
  type Tensor,
  tensor,
} from '../src/index.ts';

describe('tensor', () => {
  test('keeps the given data without a copy', () => {
    const data = Float32Array.of(1, 2, 3, 4);
    expect(tensor('float32', [2, 2], data).data).toBe(data);
    expect(reshape(tensor('float32', [2, 2], data), [4]).data).toBe(data);
    expect(bytesOf(tensor('float32', [4], data)).buffer).toBe(data.buffer);
  });

  test('a scalar has one element and an empty dimension none', () => {
    expect(tensor('int64', []).data).toHaveLength(1);
    expect(tensor('int8', [3, 0, 2]).data).toHaveLength(0);
  });

  test('data of the wrong length is a typed error that names both counts', () => {
    expect(() => tensor('float32', [2, 3], new Float32Array(5))).toThrow(ShapeError);
    expect(() => tensor('float32', [2, 3], new Float32Array(5))).toThrow(
      'Shape [2, 3] needs 6 elements, but the data has 5.',
    );
    expect(() => reshape(tensor('float32', [4]), [3])).toThrow(ShapeError);
  });

  test('an array of another dtype is a typed error', () => {
    // @ts-expect-error a half tensor is kept as 16-bit patterns
    expect(() => tensor('float16', [1], new Float32Array(1))).toThrow(DTypeError);
  });

  test.each([[[-1]], [[1.5]], [[Number.NaN]], [[2 ** 60]]])('%j is not a shape', (shape) => {
    expect(() => elementCount(shape)).toThrow(ShapeError);
  });

  test('strides count elements, innermost 1', () => {
    expect(rowMajorStrides([2, 3, 4])).toEqual([12, 4, 1]);
    expect(rowMajorStrides([])).toEqual([]);
  });

  test('names of dtypes are recognised, names of object fields are not', () => {
    for (const dtype of dtypes) expect(isDType(dtype)).toBe(true);
    expect(isDType('toString')).toBe(false);
  });

  test('a tensor survives structured cloning', () => {
    const source: Tensor = tensor('bfloat16', [2], Uint16Array.of(0x3f80, 0x4000));
    expect(structuredClone(source)).toEqual(source);
  });
});
