import { div, type Graph, gather, graph, input, logSoftmax, reshape, unsqueeze, type Value } from '@forge/onnx';
import { cachedAttention } from './cached-attention.ts';
import type { ModelConfig } from './config.ts';
import { decode, embed, finalNorm, outputHead } from './decoder.ts';
import { generationProducts } from './generation-products.ts';
import { invariantAttention } from './invariant-attention.ts';
import type { LoraConfig } from './lora/lora-config.ts';
import type { Quantization } from './quantization/quantization.ts';
import { rotationAt, rotationByTables } from './rope.ts';
import { softmaxBlocks, softmaxBlockWidth } from './softmax-blocks.ts';
import { type WeightInputs, weightInputs } from './weight-inputs.ts';

/** In which form the graph takes the weights. */
export interface GenerationGraphOptions {
  /** Takes weights that are multiplied as `quantizeWeights` gives them. @default float32 */
  readonly quantization?: Quantization | undefined;
  /** Adds adapters to linear layers, in float32, which it takes as `joinAdapters` gives them. @default none */
  readonly lora?: LoraConfig | undefined;
  /**
   * Gives a token the bits that `scoringGraph` gives it in a row that begins with its sequence, whatever else is in the
   * batch; on one thread, with at least two tokens in a run. The inputs are then `cache_positions` int64 [capacity], 0, 1, …,
   * and `temperature` float32 [selected], without `total_sequence_length`, `cos` and `sin`; the outputs are `logits` and, at these
   * temperatures, `log_probs` float32 [selected, vocabulary]; caches are `headDim` wide. Reads the whole capacity of the
   * cache. @default false
   */
  readonly batchInvariant?: boolean;
}

/**
 * New tokens of a batch over a key/value cache to the logits of the next token; one graph for prefill and decoding.
 *
 * Inputs: `input_ids`, `position_ids` int64 [batch, tokens]; `cos`, `sin` float32 [positions, headDim / 2], the
 * `rotationTables` of all positions that come up; `seqlens_k` int32 [batch], the tokens of each sequence after this step
 * less one; `total_sequence_length` int32 [], the most of them; `selected` int64 [selected], the tokens
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
  const positionIds_BT = input('position_ids', 'int64', ['batch', 'tokens']);
  const weights = weightInputs(config, undefined, generationProducts(config, { quantization, lora }));
  const layers = batchInvariant ? invariantLayers : cachedLayers;
  const { x_ND, presents } = layers(config, weights, { inputIds_BT, positionIds_BT });
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

/** The new tokens of a batch, int64 both. */
interface Tokens {
  readonly inputIds_BT: Value;
  readonly positionIds_BT: Value;
}

/** The output of the last layer, and the caches. */
interface Layers {
  /** [N, D] */
  readonly x_ND: Value;
  readonly presents: Readonly<Record<string, Value>>;
}

/** The fewest operators: tokens keep their two axes, so that nothing is reshaped for the attention, and rotate by tables. */
function cachedLayers(config: ModelConfig, weights: WeightInputs, { inputIds_BT, positionIds_BT }: Tokens): Layers {
  const { attend, presents } = cachedAttention(config, inputIds_BT);
  const rotate = rotationByTables(positionIds_BT, config);
  const last_BTD = decode({ config, weights, x_ND: embed(inputIds_BT, weights), rotate, attend }).at(-1)!; // the embedding at least
  return { x_ND: reshape(last_BTD, [-1, config.hiddenSize]), presents };
}

/** The operators of the scoring graph. */
function invariantLayers(config: ModelConfig, weights: WeightInputs, { inputIds_BT, positionIds_BT }: Tokens): Layers {
  const { attend, presents } = invariantAttention(config, positionIds_BT);
  const rotate = rotationAt(reshape(positionIds_BT, [-1]), config);
  const x_ND = embed(reshape(inputIds_BT, [-1]), weights);
  return { x_ND: decode({ config, weights, x_ND, rotate, attend }).at(-1)!, presents }; // the embedding at least
}
