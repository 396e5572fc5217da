// B rows, T tokens of each, N tokens, P positions of tables, H heads, C channels of a head, c half of them

import {
  cast,
  constant,
  cos,
  type Dim,
  input,
  mul,
  reshape,
  rotaryEmbedding,
  sin,
  unsqueeze,
  type Value,
} from '@forge/onnx';
import { type Tensor, tensor } from '@forge/tensor';
import type { ModelConfig } from './config.ts';
import type { RopeConfig } from './rope-config.ts';

/** Rotates the pairs of channels (i, i + C/2) of every head by the place of its token. Returns [N, H, C]. Source: arXiv:2104.09864 */
export type Rotation = (x_NHC: Value) => Value;

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
  // The tables hold one row a token, in order: the tokens of all rows are one sequence that starts at row 0.
  const tables = { positions: FIRST_ROW, cos: cos(angle_Nc), sin: sin(angle_Nc) };
  return (x_NHC) => {
    const [N, H, C] = x_NHC.shape as HeadShape;
    return reshape(rotaryEmbedding(reshape(x_NHC, [1, N, H * C]), tables), [N, H, C]);
  };
}

/**
 * The rotation of each token by tables of the positions 0 … P-1, which are the inputs `cos` and `sin` float32 [P, C/2]: see
 * {@link rotationTables}. Fewer operators than {@link rotationAt}.
 *
 * @param positions_BT - int64 [B, T]
 */
export function rotationByTables(positions_BT: Value, { headDim }: ModelConfig): Rotation {
  const [B, T] = positions_BT.shape as readonly [string, string]; // two symbolic axes
  const shape: readonly Dim[] = ['positions', headDim / 2];
  const tables = {
    positions: positions_BT,
    cos: input('cos', 'float32', shape),
    sin: input('sin', 'float32', shape),
  };
  return (x_NHC) => {
    const [, H, C] = x_NHC.shape as HeadShape;
    const x_BTX = reshape(x_NHC, [B, T, H * C], { sizesFrom: [positions_BT] });
    return reshape(rotaryEmbedding(x_BTX, tables), [-1, H, C]);
  };
}

/** Tokens are symbolic, heads and channels are not. */
type HeadShape = readonly [string, number, number];

const FIRST_ROW = constant(tensor('int64', [1]));

/**
 * The rotation of the positions 0 … P-1, computed beforehand: `cos` and `sin` float32 [P, C/2], inputs of the generation
 * graph. Of the same rounded angles as in the other graphs.
 */
export function rotationTables(
  { rope, headDim }: ModelConfig,
  numPositions: number,
): { readonly cos: Tensor<'float32'>; readonly sin: Tensor<'float32'> } {
  const frequencies_c = inverseFrequencies(rope, headDim);
  const shape = [numPositions, frequencies_c.length];
  const [cos_Pc, sin_Pc] = [tensor('float32', shape), tensor('float32', shape)];
  for (let at = 0; at < cos_Pc.data.length; at++) {
    const [position, pair] = [Math.floor(at / frequencies_c.length), at % frequencies_c.length];
    const angle = Math.fround(position * frequencies_c[pair]!);
    cos_Pc.data[at] = Math.cos(angle);
    sin_Pc.data[at] = Math.sin(angle);
  }
  return { cos: cos_Pc, sin: sin_Pc };
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
