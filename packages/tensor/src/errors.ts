import type { DType } from './dtype.ts';
import type { Region } from './region.ts';
import type { Shape } from './shape.ts';

/** A shape is malformed, or the data or another shape does not agree with it. */
export class ShapeError extends RangeError {
  override readonly name = 'ShapeError';
  readonly code = 'ERR_TENSOR_SHAPE';
  /** The shape in question. */
  readonly shape: Shape;

  constructor(message: string, shape: Shape) {
    super(message);
    this.shape = shape;
  }
}

/** The dtype of a tensor is not the one that the operation or its data needs. */
export class DTypeError extends TypeError {
  override readonly name = 'DTypeError';
  readonly code = 'ERR_TENSOR_DTYPE';
  /** The dtype in question. */
  readonly dtype: DType;

  constructor(message: string, dtype: DType) {
    super(message);
    this.dtype = dtype;
  }
}

/** A region does not lie inside the tensor it is taken from. */
export class RegionError extends RangeError {
  override readonly name = 'RegionError';
  readonly code = 'ERR_TENSOR_REGION';
  /** The region in question. */
  readonly region: Region;
  /** The shape that it should lie in. */
  readonly shape: Shape;

  constructor(region: Region, shape: Shape) {
    super(
      `Region at [${region.offset.join(', ')}] of size [${region.size.join(', ')}] does not lie inside shape ` +
        `[${shape.join(', ')}]. Give one offset and one size for each dimension, within its bounds.`,
    );
    this.region = region;
    this.shape = shape;
  }
}
