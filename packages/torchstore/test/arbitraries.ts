import { allocate, bytesOf, type DType, dtypes, elementCount, type Shape, type Tensor, tensor } from '@forge/tensor';
import fc from 'fast-check';
import { type Layout, type Placement, replicate, shard, stridedShard } from '../src/index.ts';

/** A mesh and placements on it, without a rank. */
export type Distribution = Omit<Layout, 'rank'>;

/** Shapes of up to four dimensions, empty ones and scalars included. */
export const shapes: fc.Arbitrary<number[]> = fc.array(fc.nat(9), { maxLength: 4 });

export const anyDType: fc.Arbitrary<DType> = fc.constantFrom(...dtypes);

/** Every way of laying a shape out on a mesh of up to three dimensions. */
export function distributions(shape: Shape): fc.Arbitrary<Distribution> {
  const placement: fc.Arbitrary<Placement> =
    shape.length === 0
      ? fc.constant(replicate())
      : fc.oneof(
          fc.constant(replicate()),
          fc.nat(shape.length - 1).map((dim) => shard(dim)),
        );
  const plain = fc
    .array(fc.tuple(fc.integer({ min: 1, max: 4 }), placement), { minLength: 1, maxLength: 3 })
    .map((dims) => ({ mesh: dims.map(([size]) => size), placements: dims.map(([, each]) => each) }));
  if (shape.length === 0) return plain;
  const strided = fc
    .record({
      dim: fc.nat(shape.length - 1),
      left: fc.integer({ min: 1, max: 3 }),
      right: fc.integer({ min: 1, max: 3 }),
    })
    .map(({ dim, left, right }) => ({ mesh: [left, right], placements: [stridedShard(dim, right), shard(dim)] }));
  return fc.oneof({ weight: 4, arbitrary: plain }, { weight: 1, arbitrary: strided });
}

/** A tensor whose bytes all depend on their place and on a salt. */
export function numbered(dtype: DType, shape: Shape, salt = 0): Tensor {
  const result: Tensor = tensor(dtype, shape, allocate(dtype, elementCount(shape)));
  const bytes = bytesOf(result);
  for (let index = 0; index < bytes.length; index += 1)
    bytes[index] = Math.imul(index + salt * 7919 + 1, 0x9e3779b1) >>> 11;
  return result;
}
