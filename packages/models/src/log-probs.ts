// N tokens of all rows, P tokens that are picked, D model width, V vocabulary

import {
  add,
  div,
  exp,
  gather,
  gatherElements,
  input,
  logSoftmax,
  mul,
  neg,
  reduceSum,
  squeeze,
  unsqueeze,
  type Value,
} from '@forge/onnx';
import type { ModelConfig } from './config.ts';
import { finalNorm, outputHead } from './decoder.ts';
import type { WeightInputs } from './weight-inputs.ts';

/** What is known of each picked token. */
export interface LogProbs {
  /** log softmax(logits / temperature) at the target. */
  readonly logProbs_P: Value;
  /** Entropy of softmax(logits / temperature), in nats. */
  readonly entropy_P: Value;
}

/**
 * The sum that is differentiated: of `weights` · log-probability and, with `entropy`, of `entropy_weights` · entropy, two inputs
 * float32 [picks].
 */
export function weightedSum({ logProbs_P, entropy_P }: LogProbs, { entropy = false }: WeightedSumOptions = {}): Value {
  const weighted = (name: string, x_P: Value): Value => reduceSum(mul(input(name, 'float32', ['picks']), x_P));
  const sum = weighted('weights', logProbs_P);
  return entropy ? add(sum, weighted('entropy_weights', entropy_P)) : sum;
}

export interface WeightedSumOptions {
  /** Whether the sum has a part of entropy, which costs several passes over the logits. @default false */
  readonly entropy?: boolean;
}

/**
 * Log-probabilities of `targets` after the tokens that `selected` names; norm and head run on those only. Adds the
 * inputs `selected` and `targets` (int64 [picks]), no token selected twice, and `temperature` (float32 []).
 *
 * @param x_ND - the residual stream after the last layer.
 */
export function logProbs(x_ND: Value, config: ModelConfig, weights: WeightInputs): LogProbs {
  const picks = ['picks'];
  const picked_PD = gather(x_ND, input('selected', 'int64', picks), 0, { distinctIndices: true });
  const normed_PD = finalNorm(picked_PD, config, weights);
  // Dividing here instead of the logits is D numbers a token and not V.
  const logits_PV = outputHead(div(normed_PD, input('temperature', 'float32', [])), config, weights);
  const logProbs_PV = logSoftmax(logits_PV);
  const targets_P1 = unsqueeze(input('targets', 'int64', picks), [1]);
  return {
    logProbs_P: squeeze(gatherElements(logProbs_PV, targets_P1, 1), [1]),
    entropy_P: neg(reduceSum(mul(exp(logProbs_PV), logProbs_PV), [1])),
  };
}
