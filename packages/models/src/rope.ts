// N tokens, H heads, C channels of a head, c half of them

import { cast, constant, cos, mul, reshape, rotaryEmbedding, sin, unsqueeze, type Value } from '@forge/onnx';
import { tensor } from '@forge/tensor';
import type { ModelConfig } from './config.ts';
import type { RopeConfig } from './rope-config.ts';

/** Cosine and sine of the angle of each token and pair of channels. */
export interface Rotation {
  readonly cos_Nc: Value;
  readonly sin_Nc: Value;
}

/**
 * The rotation of each token, computed in the graph, so that no table bounds the positions. The product of position and
 * frequency is rounded to float32, as in transformers: at position 100,000 an exact angle would differ by up to 0.004.
 *
 * @param positions_N - int64 [N]
 */
export function rotationAt(positions_N: Value, config: ModelConfig): Rotation {
  const frequencies_c = inverseFrequencies(config.rope, config.headDim);
  const table_1c = constant(tensor('float32', [1, frequencies_c.length], frequencies_c));
  const angle_Nc = mul(cast(unsqueeze(positions_N, [1]), 'float32'), table_1c);
  return { cos_Nc: cos(angle_Nc), sin_Nc: sin(angle_Nc) };
}

/** Rotates the pairs of channels (i, i + C/2) of every head. Returns [N, H, C]. Source: arXiv:2104.09864 */
export function rotate(x_NHC: Value, { cos_Nc, sin_Nc }: Rotation): Value {
  const [N, H, C] = x_NHC.shape as readonly [string, number, number]; // tokens are symbolic, heads and channels are not
  // The tables hold one row a token, in order: the tokens of all rows are one sequence that starts at row 0.
  const x_1NX = reshape(x_NHC, [1, N, H * C]);
  return reshape(rotaryEmbedding(x_1NX, { positions: FIRST_ROW, cos: cos_Nc, sin: sin_Nc }), [N, H, C]);
}

const FIRST_ROW = constant(tensor('int64', [1]));

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
