// D width
import type { DType } from '@forge/tensor';
import { ShapeError } from '../errors.ts';
import { applyAll, type Value } from '../value.ts';

/**
 * Scales each vector of the last axis to unit root mean square, then by a learned weight a channel.
 *
 * @param x - [..., D]
 * @param weight_D - [D]
 * @param epsilon - added to the mean square; keeps a vector of zeros finite.
 * Source: arXiv:1910.07467; onnxruntime operator `SimplifiedLayerNormalization`.
 */
export function rmsNorm<D extends DType>(x: Value<D>, weight_D: Value, epsilon: number): Value<D> {
  const width = x.shape.at(-1);
  if (width === undefined || width === 0 || weight_D.shape.length !== 1 || weight_D.shape[0] !== width) {
    throw new ShapeError(
      'SimplifiedLayerNormalization',
      [x.shape, weight_D.shape],
      'the weight is one a channel, of which there is one at least',
    );
  }
  // The second output, 1 / root mean square a vector, is what the gradient needs. Its only kernel gives float32.
  const types = [x, { dtype: 'float32', shape: x.shape.with(-1, 1) }] as const;
  const attributes = { axis: { int: -1 }, epsilon: { float: epsilon }, stash_type: { int: 1 } };
  return applyAll('SimplifiedLayerNormalization', [x, weight_D], types, attributes)[0]!;
}
