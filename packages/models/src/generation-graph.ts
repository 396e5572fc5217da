import { div, type Graph, gather, graph, input, logSoftmax, unsqueeze } from '@forge/onnx';
import { cachedAttention } from './cached-attention.ts';
import type { ModelConfig } from './config.ts';
import { decode, embed, finalNorm, outputHead } from './decoder.ts';
import { generationProducts } from './generation-products.ts';
import { invariantAttention } from './invariant-attention.ts';
import type { LoraConfig } from './lora/lora-config.ts';
import type { Quantization } from './quantization/quantization.ts';
import { softmaxBlocks, softmaxBlockWidth } from './softmax-blocks.ts';
import { weightInputs } from './weight-inputs.ts';

/** In which form the graph takes the weights. */
export interface GenerationGraphOptions {
  /** Takes weights that are multiplied as `quantizeWeights` gives them. @default float32 */
  readonly quantization?: Quantization | undefined;
  /** Adds adapters to linear layers, in float32, which it takes as `joinAdapters` gives them. @default none */
  readonly lora?: LoraConfig | undefined;
  /**
   * Gives a token the bits that `scoringGraph` gives it in a row that begins with its sequence, whatever else is in the
   * batch; on one thread, with at least two tokens in a run. The inputs are then `cache_positions` int64 [capacity], 0, 1, …,
   * and `temperature` float32 [selected], without `total_sequence_length`; the outputs are `logits` and, at these
   * temperatures, `log_probs` float32 [selected, vocabulary]; caches are `headDim` wide. Reads the whole capacity of the
   * cache. @default false
   */
  readonly batchInvariant?: boolean;
}

/**
 * New tokens of a batch over a key/value cache to the logits of the next token; one graph for prefill and decoding.
 *
 * Inputs: `input_ids`, `position_ids` int64 [batch, tokens]; `seqlens_k` int32 [batch], the tokens of each sequence
 * after this step less one; `total_sequence_length` int32 [], the most of them; `selected` int64 [selected], the tokens
 * whose logits are wanted, counted through all rows; `past_key.i` and `past_value.i` float32
 * [batch, kv heads, capacity, `cacheHeadDim(config)`]; every weight by its name. Outputs: `logits` float32
 * [selected, vocabulary]; where `softmaxBlockWidth(config)` is a number, the input `temperature` float32 [selected] and the
 * outputs `best_logit` [selected, 1] and `softmax_sums` [selected, vocabulary / width]; and `present_key.i`, `present_value.i`, to be fetched into the memory of the pasts.
 *
 * Rows shorter than `tokens` are padded on the right; a prefill counts the padding in `total_sequence_length`. Several
 * tokens a sequence are taken at position 0 or for a batch of one; onnxruntime refuses the rest.
 */
export function generationGraph(
  config: ModelConfig,
  { quantization, lora, batchInvariant = false }: GenerationGraphOptions = {},
): Graph {
  const inputIds_BT = input('input_ids', 'int64', ['batch', 'tokens']);
  const positionIds = input('position_ids', 'int64', ['batch', 'tokens']);
  const weights = weightInputs(config, undefined, generationProducts(config, { quantization, lora }));
  const { attend, presents } = batchInvariant
    ? invariantAttention(config, positionIds)
    : cachedAttention(config, inputIds_BT);
  const x_ND = decode({ config, weights, x_ND: embed(inputIds_BT, weights), positionIds, attend }).at(-1)!; // the embedding at least
  const selected_PD = gather(x_ND, input('selected', 'int64', ['selected']));
  const normed_PD = finalNorm(selected_PD, config, weights);
  const logits_PV = outputHead(normed_PD, config, weights);
  const temperature_P = input('temperature', 'float32', ['selected']);
  if (batchInvariant) {
    const scaled_PV = outputHead(div(normed_PD, unsqueeze(temperature_P, [1])), config, weights); // as `logProbs` has them
    return graph({ logits: logits_PV, log_probs: logSoftmax(scaled_PV), ...presents });
  }
  const width = softmaxBlockWidth(config);
  if (width === undefined) return graph({ logits: logits_PV, ...presents });
  const { best_P1, sums_PK } = softmaxBlocks(logits_PV, temperature_P, width);
  return graph({ logits: logits_PV, best_logit: best_P1, softmax_sums: sums_PK, ...presents });
}
