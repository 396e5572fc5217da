import {
  checkRegion,
  type DType,
  kindOf,
  type Region,
  type Shape,
  sameShape,
  type Tensor,
  tensor,
  wholeRegion,
} from '@forge/tensor';
import type { Found, LocatedObject, LocatedTensor } from './batch.ts';
import { describeTensor, MismatchError } from './errors.ts';
import { isTensorEntry } from './holdings.ts';
import { decodeObject, type PlainData } from './object-value.ts';
import { type Layout, layoutRegion } from './placement.ts';
import type { Wish } from './planner.ts';

/** Which part of a tensor is wanted, and where it goes; `layout` and `region` exclude each other. */
export interface GetOptions {
  /** The piece that a rank of this layout holds. */
  readonly layout?: Layout;
  /** The piece at this region. */
  readonly region?: Region;
  /** Filled and returned. @default a new tensor */
  readonly into?: Tensor | undefined;
  /**
   * A view of the memory of this host instead of a copy, at once whatever its size. It shows what was read until it is
   * collected or given to {@link releaseViews}; writing to it changes nothing but the view. What no single piece on this
   * host has side by side, what is cast or given `into`, and what is smaller than 1 MiB is copied. @default false
   */
  readonly mapped?: boolean | undefined;
  /** Cast to this float type, rounding to the nearest, ties to even. @default the dtype that was put; any other is an error */
  readonly dtype?: DType | undefined;
}

/** What a batch asks of each key: a tensor, or the object that lies there. */
export type BatchRequest = Readonly<Record<string, GetOptions | 'object'>>;

/** What a batch brings. */
export type BatchResult<R extends BatchRequest> = {
  [K in keyof R]: R[K] extends 'object' ? PlainData : TensorFor<R[K]>;
};

type TensorFor<O> = O extends { readonly dtype: infer D extends DType }
  ? Tensor<D>
  : O extends { readonly into: Tensor<infer D> }
    ? Tensor<D>
    : Tensor;

/**
 * A tensor that shows a region of a located one already, without a copy: its bytes came with the answer or, where a view is
 * wanted, lie in memory that can be mapped.
 */
export type ShowTensor = (located: LocatedTensor, region: Region, mapped: boolean) => Tensor | undefined;

/** The region of a tensor that the options name. @throws {LayoutError} and RegionError when it has no such region */
function regionOf({ shape }: LocatedTensor, { layout, region }: Pick<GetOptions, 'layout' | 'region'>): Region {
  if (layout !== undefined) return layoutRegion(shape, layout);
  if (region !== undefined) checkRegion(region, shape);
  return region ?? wholeRegion(shape);
}

/**
 * What is read of a located tensor, and where it goes.
 * @throws {MismatchError} when `into` has another dtype or shape, or the dtypes cannot be cast.
 */
export function wishOf(
  located: LocatedTensor,
  options: GetOptions & { readonly shape?: Shape },
  show: ShowTensor,
): Wish {
  const { key, dtype: stored } = located;
  const { into, dtype = stored, shape, mapped = false } = options;
  const region = regionOf(located, options);
  const mismatch = (given: DType, wrong: Shape) =>
    new MismatchError(key, { expected: describeTensor(dtype, region.size), actual: describeTensor(given, wrong) });
  if (shape !== undefined && !sameShape(shape, region.size)) throw mismatch(dtype, shape);
  if (dtype !== stored && !(kindOf(dtype) === 'float' && kindOf(stored) === 'float')) {
    throw new MismatchError(key, { expected: `a float type to be cast to ${dtype}`, actual: stored });
  }
  if (into === undefined) {
    const shown = dtype === stored ? show(located, region, mapped) : undefined;
    const target = shown ?? tensor<DType>(dtype, region.size);
    return { located, region, target, isView: shown !== undefined || region.size.includes(0) };
  }
  tensor(into.dtype, into.shape, into.data); // which checks that its data are what it says
  if (into.dtype === dtype && sameShape(into.shape, region.size)) return { located, region, target: into };
  throw mismatch(into.dtype, into.shape);
}

/** The tensor that was found. @throws {MismatchError} when the key holds an object */
export function checkTensor(key: string, found: LocatedTensor | LocatedObject): LocatedTensor {
  if (isTensorEntry(found)) return found;
  throw new MismatchError(key, { expected: 'a tensor', actual: 'an object, which getObject() reads' });
}

/** The object that was found. @throws {MismatchError} when the key holds a tensor */
export function checkObject(key: string, found: LocatedTensor | LocatedObject): PlainData {
  if (!isTensorEntry(found)) return decodeObject(found.bytes);
  throw new MismatchError(key, {
    expected: 'an object',
    actual: `${describeTensor(found.dtype, found.shape)}, which get() reads`,
  });
}

/** What was found, by key. */
export function byKey({ tensors, objects }: Found): Map<string, LocatedTensor | LocatedObject> {
  return new Map([...tensors, ...objects].map((each) => [each.key, each]));
}
