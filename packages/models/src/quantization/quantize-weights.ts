import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Tensor, tensor } from '@forge/tensor';
import type { ModelConfig } from '../config.ts';
import type { Weights } from '../weights.ts';
import { formats } from './formats.ts';
import { multipliedWeights, type Quantization, sizeOf } from './quantization.ts';
import { type PartType, type Quantized, quantizedNames } from './quantized-format.ts';

/** About half a millisecond: whoever else runs in the process is not kept waiting. */
const ELEMENTS_PER_TURN = 1 << 17;

/** When it is multiplied, as the head of a tied model, it is looked up as well. */
const EMBEDDING = 'model.embed_tokens.weight';

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
  const multiplied = multipliedWeights(config);
  const inputs: Record<string, Tensor> = { ...weights };
  for (const { parts } of multiplied) for (const { name } of parts) if (name !== EMBEDDING) delete inputs[name];
  for (const each of multiplied) {
    const [O, I] = sizeOf(each);
    const quantized = allocate(format.partsOf(O, I));
    const rowsPerTurn = Math.max(1, Math.floor(ELEMENTS_PER_TURN / I));
    let at = 0;
    for (const { name } of each.parts) {
      const weight = weights[name]!; // the caller's, of this config
      const numRows = weight.shape[0]!;
      for (let from = 0; from < numRows; from += rowsPerTurn) {
        await nextTurn();
        signal?.throwIfAborted();
        const to = Math.min(from + rowsPerTurn, numRows);
        format.quantizeRows(weight, { from, to, at: at + from }, quantized);
      }
      at += numRows;
    }
    const { values, scales } = quantizedNames(each.name, quantization);
    inputs[values] = quantized.values;
    inputs[scales] = quantized.scales;
  }
  return inputs;
}

function allocate({ values, scales }: Quantized<PartType>): Quantized<Tensor> {
  return { values: tensor(values.dtype, values.shape), scales: tensor(scales.dtype, scales.shape) };
}
