// O output width, I input width
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Tensor, tensor } from '@forge/tensor';
import type { ModelConfig } from '../config.ts';
import type { Weights } from '../weights.ts';
import { multipliedParameters, quantizedNames } from './quantization.ts';

/** About half a millisecond: whoever else runs in the process is not kept waiting. */
const ELEMENTS_PER_TURN = 1 << 17;

/**
 * The inputs of an int8 generation graph: quantised forms of the weights that are multiplied, and the others as they
 * are. Rounds to nearest. Leaves the event loop free: the work is done in pieces.
 */
export async function quantizeWeights(
  config: ModelConfig,
  weights: Weights,
): Promise<Readonly<Record<string, Tensor>>> {
  const multiplied = new Set(multipliedParameters(config).map(({ name }) => name));
  const quantized: Record<string, Tensor> = {};
  for (const [name, weight] of Object.entries(weights)) {
    // A tied embedding is looked up, too.
    if (!multiplied.has(name) || name === 'model.embed_tokens.weight') quantized[name] = weight;
    if (!multiplied.has(name)) continue;
    const [O, I] = weight.shape as readonly [number, number]; // multiplied weights are matrices
    const values_IO = new Int8Array(I * O);
    const scales_O = new Float32Array(O);
    const rowsPerTurn = Math.max(1, Math.floor(ELEMENTS_PER_TURN / I));
    for (let row = 0; row < O; row++) {
      if (row % rowsPerTurn === 0) await nextTurn();
      scales_O[row] = quantizeRow(weight.data.subarray(row * I, (row + 1) * I), values_IO, row, O);
    }
    const { values, scales } = quantizedNames(name);
    quantized[values] = tensor('int8', [I, O], values_IO);
    quantized[scales] = tensor('float32', [O], scales_O);
  }
  return quantized;
}

/** Fills in the column of one output, and returns its scale. */
function quantizeRow(weight_I: Float32Array, values_IO: Int8Array, column: number, numColumns: number): number {
  let largest = 0;
  for (let at = 0; at < weight_I.length; at++) largest = Math.max(largest, Math.abs(weight_I[at]!));
  const factor = largest === 0 ? 0 : 127 / largest;
  for (let at = 0; at < weight_I.length; at++) {
    values_IO[at * numColumns + column] = Math.round(weight_I[at]! * factor);
  }
  return largest / 127;
}
