import { type Graph, gradients, graph } from '@forge/onnx';
import type { ModelConfig } from './config.ts';
import { logProbs, type WeightedSumOptions, weightedSum } from './log-probs.ts';
import { loraParameters } from './lora/lora-parameters.ts';
import { type PackedRowsOptions, packedDecoder } from './packed-decoder.ts';

/** Which weights are trained, and how rows are packed. */
export interface TrainingGraphOptions extends PackedRowsOptions, WeightedSumOptions {
  /** Names of the weights that get a gradient. @default all of them; those of the adapters, if there are any */
  readonly trainable?: readonly string[];
}

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
 */
export function trainingGraph(config: ModelConfig, { trainable, entropy, ...rows }: TrainingGraphOptions = {}): Graph {
  const { last_ND, weights } = packedDecoder(config, rows);
  const scores = logProbs(last_ND, config, weights);
  const loss = weightedSum(scores, { ...(entropy !== undefined && { entropy }) });
  const { lora } = rows;
  const names = trainable ?? (lora ? loraParameters(config, lora).map(({ name }) => name) : [...weights.all.keys()]);
  const grads = gradients(
    loss,
    names.map((name) => weights.get(name)),
  );
  return graph({
    log_probs: scores.logProbs_P,
    entropy: scores.entropy_P,
    loss,
    ...Object.fromEntries(grads.map((grad, index) => [gradientName(names[index]!), grad])), // one a name, in order
  });
}
