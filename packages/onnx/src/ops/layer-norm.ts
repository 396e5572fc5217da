// D width
import type { DType } from '@forge/tensor';
import { ShapeError } from '../errors.ts';
import { applyAll, type Value } from '../value.ts';

export interface LayerNormOptions {
  /** [D]: one a channel. */
  readonly weight: Value;
  /** [D]: added at the end. @default none */
  readonly bias?: Value;
  /** Added to the variance; keeps a vector of equal numbers finite. @default 1e-5 */
  readonly epsilon?: number;
}

/**
 * Moves each vector of the last axis to mean 0 and scales it to variance 1, then by a learned weight a channel.
 *
 * @param x - [..., D]
 * @throws {ShapeError} when weight or bias is not one a channel.
 * Source: arXiv:1607.06450; ONNX operator `LayerNormalization`, opset 17.
 */
export function layerNorm<D extends DType>(x: Value<D>, { weight, bias, epsilon = 1e-5 }: LayerNormOptions): Value<D> {
  const width = x.shape.at(-1);
  const learned = bias === undefined ? [weight] : [weight, bias];
  if (width === undefined || width === 0 || learned.some(({ shape }) => shape.length !== 1 || shape[0] !== width)) {
    const shapes = [x, ...learned].map(({ shape }) => shape);
    throw new ShapeError(
      'LayerNormalization',
      shapes,
      'weight and bias are one a channel, of which there is one at least',
    );
  }
  // The other outputs, mean and 1 / standard deviation of each vector, are what the gradient needs; always float32.
  const statistic = { dtype: 'float32', shape: x.shape.with(-1, 1) } as const;
  const attributes = { axis: { int: -1 }, epsilon: { float: epsilon }, stash_type: { int: 1 } };
  return applyAll('LayerNormalization', [x, ...learned], [x, statistic, statistic], attributes)[0]!;
}
