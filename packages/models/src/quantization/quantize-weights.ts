import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Tensor, tensor } from '@forge/tensor';
import type { ModelConfig } from '../config.ts';
import type { Weights } from '../weights.ts';
import { formats } from './formats.ts';
import { multipliedParameters, type Quantization } from './quantization.ts';
import { type PartType, type Quantized, quantizedNames } from './quantized-format.ts';

/** About half a millisecond: whoever else runs in the process is not kept waiting. */
const ELEMENTS_PER_TURN = 1 << 17;

/**
 * The inputs of a quantised generation graph: quantised forms of the weights that are multiplied, and the others as they
 * are. Rounds to nearest. Leaves the event loop free: the work is done in pieces.
 *
 * @throws the reason of `signal`, within a piece of its abort.
 */
export async function quantizeWeights(
  config: ModelConfig,
  weights: Weights,
  quantization: Quantization,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Readonly<Record<string, Tensor>>> {
  const format = formats[quantization];
  const multiplied = new Set(multipliedParameters(config).map(({ name }) => name));
  const inputs: Record<string, Tensor> = {};
  for (const [name, weight] of Object.entries(weights)) {
    // A tied embedding is looked up, too.
    if (!multiplied.has(name) || name === 'model.embed_tokens.weight') inputs[name] = weight;
    if (!multiplied.has(name)) continue;
    const [O, I] = weight.shape as readonly [number, number]; // multiplied weights are matrices
    const quantized = allocate(format.partsOf(O, I));
    const rowsPerTurn = Math.max(1, Math.floor(ELEMENTS_PER_TURN / I));
    for (let row = 0; row < O; row += rowsPerTurn) {
      await nextTurn();
      signal?.throwIfAborted();
      format.quantizeRows(weight, quantized, row, Math.min(row + rowsPerTurn, O));
    }
    const { values, scales } = quantizedNames(name, quantization);
    inputs[values] = quantized.values;
    inputs[scales] = quantized.scales;
  }
  return inputs;
}

function allocate({ values, scales }: Quantized<PartType>): Quantized<Tensor> {
  return { values: tensor(values.dtype, values.shape), scales: tensor(scales.dtype, scales.shape) };
}
