import type { ModelConfig } from '@forge/models';
import type { ActorMesh, RemoteBuffer } from '@forge/monarch';
import type { Tensor } from '@forge/tensor';
import type { StepPlan } from '../packing/step-plan.ts';
import type { ParameterPlan } from '../parameter-groups.ts';
import type { Part } from '../passes/parts.ts';
import type { PassesOptions, WeightSource } from '../passes/passes.ts';
import type { TrainingOptions } from '../training-options.ts';
import type { Offers } from './offers.ts';
import type { NamedRows, ParameterShard } from './parameter-shard.ts';
import type { GivingActor } from './peers.ts';

/** How ranks share the training of a model; see {@link ParallelTrainer}. */
export type Strategy = 'dataParallel' | 'fullyShard' | 'pipeline';

export interface EngineOptions {
  readonly config: ModelConfig;
  readonly plan: ParameterPlan;
  readonly training: TrainingOptions;
  readonly passes: PassesOptions;
  readonly strategy: Strategy;
  readonly rank: number;
  readonly numRanks: number;
  /** Of this rank. */
  readonly offers: Offers;
}

/** Where others read the weights that a rank holds; `undefined` where it holds none. */
export interface HeldWeights {
  readonly trained: RemoteBuffer | undefined;
  readonly frozen: RemoteBuffer | undefined;
}

/** Bytes of what grows with the model, as they are held now. */
export interface BytesHeld {
  /** Weights that stay, and the gradients and moments of those that this rank steps. */
  readonly weights: number;
  readonly gradients: number;
  readonly moments: number;
  /** Memory for weights of other ranks that come and go, and for gradients on their way. */
  readonly transient: number;
}

/** How a rank does its share of the passes, and where weights and gradients are meanwhile. */
export interface RankEngine extends AsyncDisposable {
  /** What this rank steps. */
  readonly trained: ParameterShard;
  /** Views of the weights that this rank answers for, frozen ones too: each row of each weight is with one rank. */
  readonly rows: readonly NamedRows<Tensor<'float32'>>[];
  /** Parts that this rank answers for as a whole: each part is with one rank. */
  readonly wholeParts: readonly Part[];
  /** The weights that this rank can use, wherever they are: those of its whole parts are among them. */
  readonly weights: WeightSource;
  readonly bytesHeld: BytesHeld;
  heldWeights(): HeldWeights;
  /** Makes the ranks known; their weights as they gave them, in their order. */
  connect(ranks: ActorMesh<GivingActor, 'rank'>, held: readonly HeldWeights[]): void;
  /** Runs the share of this rank: its shard has the gradients of the whole batch then, and `plan` the scores of the share. */
  backward(plan: StepPlan, step: number): Promise<void>;
  /**
   * Fetches what it needs of the weights that other ranks hold.
   *
   * @param all - also what no step changes. @default false
   */
  refresh(options?: { readonly all?: boolean }): Promise<void>;
  /** Makes all gradients 0. */
  drop(): void;
}
