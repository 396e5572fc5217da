import { gradientName, type LoraConfig } from '@forge/models';
import { type Tensor, tensor } from '@forge/tensor';
import type { MicroBatch } from '../packing/pack.ts';
import type { ComputeOptions } from '../training-options.ts';
import type { Part } from './parts.ts';

/** Tensors by the names of the weights that they belong to. */
export type NamedTensors = Readonly<Record<string, Tensor<'float32'>>>;

/** What is known of each pick of a micro-batch. */
export interface PickScores {
  /** `[N]` */
  readonly log_probs: Tensor<'float32'>;
  /** `[N]` */
  readonly entropy: Tensor<'float32'>;
  /** `[N]`: log of the sum of exp(logit), where the head was run in slices: its backward needs them. */
  readonly log_sums?: Tensor<'float32'>;
}

/** What passes are opened for. */
export interface PassesOptions extends ComputeOptions {
  /** Names of the weights that get a gradient. */
  readonly trainable: readonly string[];
  readonly lora?: LoraConfig;
  /** Whether backward takes weights of the entropies too. */
  readonly entropy: boolean;
  /** Logits that are in memory at once, where layers run one by one. @default 4 Mi */
  readonly maxLogits?: number;
}

/** Tensors by the names that graphs give the gradients of the weights. */
export const asGradients = (gradients: NamedTensors): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(gradients).map(([name, each]) => [gradientName(name), each]));

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

/** Where passes find the weights of a model, some parts at a time. */
export interface WeightSource {
  /**
   * Runs `use` with the weights of some parts, by their names. They are there until it is done.
   *
   * @param next - parts that will be asked for after these: a source that has to fetch them begins meanwhile.
   */
  borrow<Result>(
    parts: readonly Part[],
    use: (weights: NamedTensors) => Promise<Result>,
    next?: readonly Part[],
  ): Promise<Result>;
}

/** Where backward leaves the gradients of micro-batches, which add up there. */
export interface GradientSink {
  /**
   * Has `run` overwrite tensors with the gradients that a micro-batch gives the trained weights of some parts, the dense one
   * of the embedding included.
   */
  write(parts: readonly Part[], run: (gradients: NamedTensors) => Promise<void>): Promise<void>;
  /** Takes the slope of each token that was looked up, to be added to the row of its id: nothing where it is frozen. */
  addToEmbedding(ids: BigInt64Array, slopes_ND: Tensor<'float32'>): void | Promise<void>;
}

/** A micro-batch with the weights of a model. */
export interface PassInputs {
  readonly batch: MicroBatch;
  readonly weights: WeightSource;
  readonly temperature: number;
}

/** Forward and backward over one micro-batch. Calls do not overlap. */
export interface Passes extends AsyncDisposable {
  /** The parts whose gradients backward writes together, in its order. The slopes of the embedding come after them. */
  readonly writes: readonly (readonly Part[])[];
  /** Forward alone. */
  score(inputs: PassInputs): Promise<PickScores>;
  /**
   * Forward, then backward from what each pick weighs.
   *
   * @param weigh - makes it of the scores; `undefined` where there is nothing to learn, and backward is left out.
   * @param gradients - get those of the trained weights.
   * @returns whether backward ran.
   */
  backward(
    inputs: PassInputs,
    weigh: (scores: PickScores) => PickWeights | undefined,
    gradients: GradientSink,
  ): Promise<boolean>;
}
