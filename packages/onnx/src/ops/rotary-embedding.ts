// B batch, T tokens, H heads, C channels of a head, P positions
import type { DType } from '@forge/tensor';
import { divideDims, sameDims } from '../dim.ts';
import { ShapeError } from '../errors.ts';
import { apply, type Value } from '../value.ts';

export interface RotaryEmbeddingOptions {
  /** Row of the tables for each token: int64 [B, T]; or int64 [1], the row of the first token, which the others follow. */
  readonly positions: Value;
  /** Cosines: [P, C/2]. No gradient flows to them. */
  readonly cos: Value;
  /** Sines: [P, C/2]. No gradient flows to them. */
  readonly sin: Value;
}

/**
 * Rotates the pairs of channels (i, i + C/2) of each head by the angle of the token's position.
 *
 * @param x - [B, T, H*C] or [B, H, T, C]
 * @returns the shape of `x`.
 * Source: arXiv:2104.09864; onnxruntime operator `RotaryEmbedding` (com.microsoft), float32 and float16 on a CPU.
 */
export function rotaryEmbedding<D extends DType>(
  x: Value<D>,
  { positions, cos, sin }: RotaryEmbeddingOptions,
): Value<D> {
  const shapes = [x.shape, positions.shape, cos.shape, sin.shape];
  const [batch, width, half] = [x.shape[0], x.shape.at(-1), cos.shape.at(-1)];
  const tokens = x.shape.at(x.shape.length === 4 ? 2 : 1);
  if (cos.shape.length !== 2 || !sameDims(cos.shape, sin.shape) || typeof half !== 'number') {
    throw new ShapeError('RotaryEmbedding', shapes, 'cosines and sines are [positions, channels / 2]');
  }
  const heads = divideDims(width ?? 0, 2 * half);
  if (heads === undefined || (x.shape.length === 4 ? heads !== 1 : x.shape.length !== 3)) {
    throw new ShapeError('RotaryEmbedding', shapes, `it is [B, T, H*${2 * half}] or [B, H, T, ${2 * half}]`);
  }
  const ofFirst = sameDims(positions.shape, [1]);
  if (!ofFirst && (batch === undefined || tokens === undefined || !sameDims(positions.shape, [batch, tokens]))) {
    throw new ShapeError('RotaryEmbedding', shapes, 'positions are [batch, tokens], or [1]');
  }
  return apply('RotaryEmbedding', [x, positions, cos, sin], x);
}
