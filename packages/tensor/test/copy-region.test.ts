import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  allocate,
  bytesOf,
  copyRegion,
  type DType,
  DTypeError,
  dtypes,
  elementCount,
  planRuns,
  type RegionCopy,
  RegionError,
  rowMajorStrides,
  type Tensor,
  tensor,
} from '../src/index.ts';

interface Case {
  readonly dtype: DType;
  readonly sourceShape: number[];
  readonly targetShape: number[];
  readonly copy: RegionCopy;
}

/** A box of random size somewhere in a source and somewhere in a target that are larger by random margins. */
const cases: fc.Arbitrary<Case> = fc
  .array(
    fc.record({
      size: fc.integer({ min: 0, max: 5 }),
      before: fc.tuple(fc.nat(2), fc.nat(2)),
      after: fc.tuple(fc.nat(2), fc.nat(2)),
    }),
    { maxLength: 4 },
  )
  .chain((dims) =>
    fc.constantFrom(...dtypes).map((dtype) => ({
      dtype,
      sourceShape: dims.map(({ size, before, after }) => before[0] + size + after[0]),
      targetShape: dims.map(({ size, before, after }) => before[1] + size + after[1]),
      copy: {
        sourceOffset: dims.map(({ before }) => before[0]),
        targetOffset: dims.map(({ before }) => before[1]),
        size: dims.map(({ size }) => size),
      },
    })),
  );

function randomTensor(dtype: DType, shape: readonly number[], salt: number): Tensor {
  const result = tensor(dtype, shape, allocate(dtype, elementCount(shape)));
  bytesOf(result).forEach((_, index, bytes) => {
    bytes[index] = Math.imul(index + salt, 0x9e3779b1) >>> 13;
  });
  return result;
}

/** One element at a time, by its coordinates. */
function naiveCopy(source: Tensor, target: Tensor, { sourceOffset, targetOffset, size }: RegionCopy): void {
  const width = source.data.BYTES_PER_ELEMENT;
  const from = bytesOf(source);
  const to = bytesOf(target);
  const at = (offset: readonly number[], shape: readonly number[], coordinates: readonly number[]) =>
    rowMajorStrides(shape).reduce((sum, stride, dim) => sum + stride * (offset[dim]! + coordinates[dim]!), 0);
  for (let count = 0; count < elementCount(size); count += 1) {
    const strides = rowMajorStrides(size);
    const coordinates = size.map((extent, dim) => Math.floor(count / strides[dim]!) % extent);
    const begin = at(sourceOffset, source.shape, coordinates) * width;
    const place = at(targetOffset, target.shape, coordinates) * width;
    for (let byte = 0; byte < width; byte += 1) to[place + byte] = from[begin + byte]!;
  }
}

test('any box of any dtype is copied as an element-by-element copy does it', () => {
  fc.assert(
    fc.property(cases, ({ dtype, sourceShape, targetShape, copy }) => {
      const source = randomTensor(dtype, sourceShape, 1);
      const target = randomTensor(dtype, targetShape, 77);
      const expected = { ...target, data: target.data.slice() } as Tensor; // slice keeps the class of the array
      naiveCopy(source, expected, copy);
      copyRegion(source, target, copy);
      expect(bytesOf(target)).toEqual(bytesOf(expected));
    }),
    { numRuns: 500 },
  );
});

test('long runs are copied as well as short ones', () => {
  const source = randomTensor('float32', [6, 300], 1);
  const target = randomTensor('float32', [5, 290], 2);
  const expected = { ...target, data: target.data.slice() } as Tensor; // slice keeps the class of the array
  const copy = { sourceOffset: [1, 7], targetOffset: [0, 3], size: [5, 280] };
  naiveCopy(source, expected, copy);
  copyRegion(source, target, copy);
  expect(target).toEqual(expected);
});

test('a box that is contiguous in both tensors is one run', () => {
  const plan = planRuns({
    sourceShape: [8, 4, 5],
    sourceOffset: [2, 0, 0],
    targetShape: [3, 4, 5],
    targetOffset: [0, 0, 0],
    size: [3, 4, 5],
  });
  expect(plan).toEqual({ runLength: 60, loops: [], sourceStart: 40, targetStart: 0 });
});

test('dimensions that step evenly in both tensors share one loop', () => {
  const plan = planRuns({
    sourceShape: [2, 3, 8],
    sourceOffset: [0, 0, 4],
    targetShape: [2, 3, 4],
    targetOffset: [0, 0, 0],
    size: [2, 3, 4],
  });
  expect(plan.loops).toEqual([{ count: 6, sourceStride: 8, targetStride: 4 }]);
  expect(plan.runLength).toBe(4);
});

test('a box that leaves its tensor changes nothing and names both', () => {
  const source = tensor('int8', [4], Int8Array.of(1, 2, 3, 4));
  const target = tensor('int8', [4]);
  const copy = { sourceOffset: [2], targetOffset: [0], size: [3] };
  expect(() => copyRegion(source, target, copy)).toThrow(RegionError);
  expect(target.data).toEqual(new Int8Array(4));
});

test('tensors of different dtypes are not copied', () => {
  const copy = { sourceOffset: [0], targetOffset: [0], size: [1] };
  expect(() => copyRegion(tensor('uint8', [1]), tensor('bool', [1]), copy)).toThrow(DTypeError);
});
