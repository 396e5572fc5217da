import { type Graph, gradients, graph } from '@forge/onnx';
import type { ModelConfig } from './config.ts';
import { logProbs, type WeightedSumOptions, weightedSum } from './log-probs.ts';
import { loraParameters } from './lora/lora-parameters.ts';
import { type PackedDecoderOptions, packedDecoder } from './packed-decoder.ts';

/** Which weights are trained, and how rows are packed. */
export interface TrainingGraphOptions extends PackedDecoderOptions, WeightedSumOptions {
  /** Names of the weights that get a gradient. @default all of them; those of the adapters, if there are any */
  readonly trainable?: readonly string[];
}

const EMBEDDING = 'model.embed_tokens.weight';

/** The output of a training graph that holds the gradient of a weight. */
export function gradientName(parameter: string): string {
  return `grad.${parameter}`;
}

/**
 * Log-probabilities of given tokens and the gradients of a weighted sum of them; every policy loss is such a sum, with
 * `weights` = dL/dlog_prob computed by the caller from the log-probabilities of an earlier pass.
 *
 * Inputs: those of `scoringGraph`, and `weights` float32 [picks]. Outputs: `log_probs`, `entropy` float32 [picks];
 * `loss` float32 [], the sum of weights · log_probs (and entropy_weights · entropy, an option); `grad.<name>` in the shape of each trainable weight.
 *
 * `embedded` graphs have the input `x` in place of `input_ids`, and `grad.x` where the embedding is trainable; `grad.<name>` of
 * the embedding is then what it gets as the head of a tied model, and is left out of others.
 */
export function trainingGraph(config: ModelConfig, { trainable, entropy, ...rows }: TrainingGraphOptions = {}): Graph {
  const { stream, last_ND, weights } = packedDecoder(config, rows);
  const scores = logProbs(last_ND, config, weights);
  const loss = weightedSum(scores, { ...(entropy !== undefined && { entropy }) });
  const { lora, embedded = false } = rows;
  const names = trainable ?? (lora ? loraParameters(config, lora).map(({ name }) => name) : [...weights.all.keys()]);
  const differentiated = new Map(names.map((name) => [name, weights.get(name)]));
  if (embedded && differentiated.has(EMBEDDING)) {
    differentiated.set('x', stream[0]!); // the embedding at least
    if (!config.tieWordEmbeddings) differentiated.delete(EMBEDDING);
  }
  const grads = gradients(loss, [...differentiated.values()]);
  const named = [...differentiated.keys()].map((name, i) => [gradientName(name), grads[i]!] as const); // one a name, in order
  return graph({ log_probs: scores.logProbs_P, entropy: scores.entropy_P, loss, ...Object.fromEntries(named) });
}
