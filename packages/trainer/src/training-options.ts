import type { LoraConfig, ModelConfig, Weights } from '@forge/models';
import type { SessionOptions } from '@forge/onnx';
import type { AdamWOptions } from './optimizer/adam-w.ts';
import type { Schedule } from './optimizer/schedule.ts';
import type { PackOptions } from './packing/pack.ts';
import type { ParameterGroup } from './parameter-groups.ts';

/** A model in memory; its weights are copied. */
export interface ModelWeights {
  readonly config: ModelConfig;
  /** Those of the model; with LoRA, also those of adapters to start from. */
  readonly weights: Weights;
}

/** Threads and device of the sessions, and what they measure, each when it is closed; see `SessionOptions` of @forge/onnx. */
export type ComputeOptions = Pick<SessionOptions, 'threads' | 'spinning' | 'device' | 'onProfile'>;

export interface TrainingOptions extends PackOptions, ComputeOptions {
  readonly optimizer?: AdamWOptions;
  /** @default constant */
  readonly schedule?: Schedule;
  /** Longest gradient a step may take; a longer one is scaled to it. @default 1 */
  readonly maxGradNorm?: number;
  /** Settings for weights by name: learning rate, decay, frozen or not. @default none */
  readonly parameterGroups?: readonly ParameterGroup[];
  /** Times the mean entropy of the tokens in the loss is taken from the loss of a policy step: keeps the policy from becoming certain too soon. @default 0 */
  readonly entropyBonus?: number;
  /**
   * Keeps the residual stream alone and computes each layer again in backward: the memory of one layer, for a third more work,
   * and the same gradients. @default false
   */
  readonly recompute?: boolean;
  /**
   * Logits that are in memory at once, with `recompute`: where picked tokens times vocabulary are more, the head runs in slices of the
   * vocabulary. @default 4 Mi, of which each takes about 20 bytes
   */
  readonly maxLogits?: number;
  /** Trains low-rank adapters and freezes the model. @default none; the model itself is trained */
  readonly lora?: LoraOptions;
}

export interface LoraOptions extends LoraConfig {
  /** Of the new adapters. @default 0 */
  readonly seed?: number | string;
}

export interface ForwardOptions {
  /** Divides the logits; that of the sampler, when its log-probabilities are compared. @default 1 */
  readonly temperature?: number;
  /** 0 where a token is not to be scored: it costs nothing, and its numbers are 0. @default every token is scored */
  readonly masks?: readonly ArrayLike<number>[] | undefined;
  /** `off` scores under the frozen model that adapters are trained on, without a copy of it. @default 'on' */
  readonly adapters?: 'on' | 'off';
}

export interface BackwardOptions extends Omit<ForwardOptions, 'adapters'> {
  /** `dL/dentropy` of every token that is not masked out; takes a training with an `entropyBonus`. @default 0 */
  readonly entropyWeight?: number;
}

/** The options of a session among others. */
export function computeOptions({ threads, spinning, device, onProfile }: ComputeOptions): ComputeOptions {
  return {
    ...(threads !== undefined && { threads }),
    ...(spinning !== undefined && { spinning }),
    ...(device !== undefined && { device }),
    ...(onProfile !== undefined && { onProfile }),
  };
}

/** The options of packing among others. */
export function packOptions({ sharePrompts, tokensPerRow, maxTokensPerMicroBatch }: PackOptions): PackOptions {
  return {
    ...(sharePrompts !== undefined && { sharePrompts }),
    ...(tokensPerRow !== undefined && { tokensPerRow }),
    ...(maxTokensPerMicroBatch !== undefined && { maxTokensPerMicroBatch }),
  };
}
