// N tokens, H heads, C channels of a head, c half of them

import { add, cast, concat, constant, cos, mul, reshape, sin, split, sub, type Value } from '@forge/onnx';
import { tensor } from '@forge/tensor';
import type { ModelConfig } from './config.ts';
import type { RopeConfig } from './rope-config.ts';

/** Cosine and sine of the angle of each token and pair of channels. */
export interface Rotation {
  readonly cos_N1c: Value;
  readonly sin_N1c: Value;
}

/**
 * The rotation of each token, computed in the graph, so that no table bounds the positions. The product of position and
 * frequency is rounded to float32, as in transformers: at position 100,000 an exact angle would differ by up to 0.004.
 *
 * @param positions_N - int64 [N]
 */
export function rotationAt(positions_N: Value, config: ModelConfig): Rotation {
  const frequencies_c = inverseFrequencies(config.rope, config.headDim);
  const table = constant(tensor('float32', [1, 1, frequencies_c.length], frequencies_c));
  const angle_N1c = mul(cast(reshape(positions_N, [-1, 1, 1]), 'float32'), table);
  return { cos_N1c: cos(angle_N1c), sin_N1c: sin(angle_N1c) };
}

/** Rotates the pairs of channels (i, i + C/2) of every head. Returns [N, H, C]. Source: arXiv:2104.09864 */
export function rotate(x_NHC: Value, { cos_N1c, sin_N1c }: Rotation): Value {
  const half = Number(x_NHC.shape[2]) / 2;
  const [a_NHc, b_NHc] = split(x_NHC, [half, half], 2) as readonly [Value, Value]; // two pieces
  return concat([sub(mul(a_NHc, cos_N1c), mul(b_NHc, sin_N1c)), add(mul(b_NHc, cos_N1c), mul(a_NHc, sin_N1c))], 2);
}

/**
 * Radians a position for each pair of channels: `theta^(-2i/C)`, stretched where the config says so. Every step is
 * rounded to float32 as PyTorch does it, since an error here grows with the position.
 *
 * Source: transformers `modeling_rope_utils.py`, `_compute_default_rope_parameters`, `_compute_llama3_parameters`.
 */
export function inverseFrequencies({ theta, llama3 }: RopeConfig, headDim: number): Float32Array {
  const round = Math.fround;
  return Float32Array.from({ length: headDim / 2 }, (_, pair) => {
    const frequency = round(1 / round(theta ** round((2 * pair) / headDim)));
    if (llama3 === undefined) return frequency;

    const { factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings: original } = llama3;
    const wavelength = round((2 * Math.PI) / frequency);
    if (wavelength < original / highFreqFactor) return frequency;
    const stretched = round(frequency / factor);
    if (wavelength > original / lowFreqFactor) return stretched;
    const turns = round(original / wavelength);
    const smooth = round(round(turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor));
    return round(round(round(1 - smooth) * stretched) + round(smooth * frequency));
  });
}
