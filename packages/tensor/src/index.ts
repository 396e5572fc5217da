export { cast } from './cast.ts';
export { copyRegion, type RegionCopy } from './copy-region.ts';
export {
  allocate,
  bytesPerElement,
  type DType,
  dtypes,
  type ElementRange,
  isDType,
  kindOf,
  type TypedArray,
  type TypedArrayOf,
  viewElements,
} from './dtype.ts';
export { DTypeError, RegionError, ShapeError } from './errors.ts';
export { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from './half.ts';
export { Random, type RandomState } from './random.ts';
export { checkRegion, contains, intersect, type Region, sameRegion, wholeRegion } from './region.ts';
export { type BoxCopy, forEachRun, planRuns, type RunPlan } from './runs.ts';
export { elementCount, rowMajorStrides, type Shape, sameShape } from './shape.ts';
export { bytesOf, isOf, reshape, type Tensor, tensor } from './tensor.ts';
