import type { LoraConfig } from '@forge/models';
import { type Tensor, tensor } from '@forge/tensor';
import type { MicroBatch } from './pack.ts';
import type { ComputeOptions } from './training-options.ts';

/** Tensors by the names of the weights that they belong to. */
export type NamedTensors = Readonly<Record<string, Tensor<'float32'>>>;

/** What is known of each pick of a micro-batch. */
export interface PickScores {
  /** `[N]` */
  readonly log_probs: Tensor<'float32'>;
  /** `[N]` */
  readonly entropy: Tensor<'float32'>;
}

/** What passes are opened for. */
export interface PassesOptions extends ComputeOptions {
  /** Names of the weights that get a gradient. */
  readonly trainable: readonly string[];
  readonly lora?: LoraConfig;
  /** Whether backward takes weights of the entropies too. */
  readonly entropy: boolean;
}

/** What each pick weighs in the sum that backward differentiates, `[N]`. */
export interface PickWeights {
  readonly weights: Float32Array;
  /** Of the entropies; present when the passes were opened for them. */
  readonly entropy_weights?: Float32Array;
}

/** The weights as feeds. */
export const weightFeeds = (picks: PickWeights): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(picks).map(([name, numbers]: [string, Float32Array]) => [
      name,
      tensor('float32', [numbers.length], numbers),
    ]),
  );

/** A micro-batch with the weights of a model. */
export interface PassInputs {
  readonly batch: MicroBatch;
  readonly weights: NamedTensors;
  readonly temperature: number;
}

/** Forward and backward over one micro-batch. Calls do not overlap. */
export interface Passes extends AsyncDisposable {
  /** Forward alone. */
  score(inputs: PassInputs): Promise<PickScores>;
  /**
   * Forward, then backward from what each pick weighs.
   *
   * @param weigh - makes it of the scores; `undefined` where there is nothing to learn, and backward is left out.
   * @param gradients - overwritten with the gradient of each trained weight.
   * @returns whether backward ran.
   */
  backward(
    inputs: PassInputs,
    weigh: (scores: PickScores) => PickWeights | undefined,
    gradients: NamedTensors,
  ): Promise<boolean>;
}
