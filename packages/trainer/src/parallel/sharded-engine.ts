import type { Parameter } from '@forge/models';
import { type ActorMesh, exportBuffer, type RemoteBuffer } from '@forge/monarch';
import type { Tensor } from '@forge/tensor';
import type { StepPlan } from '../packing/step-plan.ts';
import { LayeredPasses } from '../passes/layered-passes.ts';
import { type Part, partsOf } from '../passes/parts.ts';
import type { Passes, WeightSource } from '../passes/passes.ts';
import { WholePasses } from '../passes/whole-passes.ts';
import { GatheredWeights } from './gathered-weights.ts';
import { GradientExchange } from './gradient-exchange.ts';
import { type NamedRows, namedRows, ParameterShard } from './parameter-shard.ts';
import { type GivingActor, giversOf } from './peers.ts';
import type { BytesHeld, EngineOptions, HeldWeights, RankEngine } from './rank-engine.ts';
import { ReplicatedWeights } from './replicated-weights.ts';
import { evenCuts, layOutShards, type Shard } from './shards.ts';
import { SpreadParameters } from './spread-parameters.ts';
import { untilBoth } from './until-both.ts';

/**
 * A rank that runs whole micro-batches, and holds an even share of the weights, gradients and moments. Others' weights are there
 * all the time (`dataParallel`) or while their part is run (`fullyShard`).
 */
export class ShardedEngine implements RankEngine {
  readonly trained: ParameterShard;
  readonly #options: EngineOptions;
  readonly #passes: Passes;
  readonly #frozenShard: Shard;
  readonly #frozenNumbers: Float32Array;
  readonly #spread: readonly [trained: SpreadParameters, frozen: SpreadParameters];
  readonly #source: GatheredWeights | ReplicatedWeights;
  #exchange: GradientExchange | undefined;

  private constructor(options: EngineOptions, passes: Passes) {
    const { config, plan, rank, numRanks, strategy, training } = options;
    const cuts = (_: Part, parameters: readonly Parameter[]) => evenCuts(parameters, numRanks);
    const shards = layOutShards(plan.trained, numRanks, cuts);
    const frozenShards = layOutShards(plan.frozen, numRanks, cuts);
    this.#options = options;
    this.#passes = passes;
    this.trained = new ParameterShard(shards[rank]!, plan, { optimizer: training.optimizer }); // one a rank
    this.#frozenShard = frozenShards[rank]!; // one a rank
    this.#frozenNumbers = new Float32Array(this.#frozenShard.length);
    const trained = new SpreadParameters(plan.trained, { shards, rank, own: this.trained.weights });
    const frozen = new SpreadParameters(plan.frozen, { shards: frozenShards, rank, own: this.#frozenNumbers });
    this.#spread = [trained, frozen];
    this.#source =
      strategy === 'dataParallel'
        ? new ReplicatedWeights({ trained, frozen }, partsOf(config))
        : new GatheredWeights(this.#spread);
  }

  static async open(options: EngineOptions): Promise<ShardedEngine> {
    const { config, passes, strategy, training } = options;
    const isWhole = strategy === 'dataParallel' && training.recompute !== true;
    return new ShardedEngine(options, await (isWhole ? WholePasses : LayeredPasses).open(config, passes));
  }

  get rows(): readonly NamedRows<Tensor<'float32'>>[] {
    return [
      ...namedRows(this.trained.shard, this.trained.weights),
      ...namedRows(this.#frozenShard, this.#frozenNumbers),
    ];
  }

  get wholeParts(): readonly Part[] {
    const { config, rank, numRanks } = this.#options;
    return partsOf(config).filter((_, i) => i % numRanks === rank);
  }

  get weights(): WeightSource {
    return this.#source;
  }

  get bytesHeld(): BytesHeld {
    const { weights, gradients, moments } = this.trained;
    const isReplicated = this.#source instanceof ReplicatedWeights;
    const held = this.#source.numbersHeld;
    const bytes = (numbers: number): number => numbers * Float32Array.BYTES_PER_ELEMENT;
    return {
      weights: bytes(weights.length + this.#frozenNumbers.length + (isReplicated ? held : 0)),
      gradients: bytes(gradients.length),
      moments: bytes(moments[0].length + moments[1].length),
      transient: bytes((isReplicated ? 0 : held) + (this.#exchange?.numbersHeld ?? 0)),
    };
  }

  heldWeights(): HeldWeights {
    return { trained: exportNumbers(this.trained.weights), frozen: exportNumbers(this.#frozenNumbers) };
  }

  connect(ranks: ActorMesh<GivingActor, 'rank'>, held: readonly HeldWeights[]): void {
    const { plan, rank, offers } = this.#options;
    const [trained, frozen] = this.#spread;
    trained.connect(held.map((each) => each.trained));
    frozen.connect(held.map((each) => each.frozen));
    const givers = giversOf(ranks, rank, offers);
    const { writes } = this.#passes;
    this.#exchange = new GradientExchange({ givers, offers, writes, own: this.trained, trained: plan.trained });
  }

  async backward(plan: StepPlan, step: number): Promise<void> {
    const { offers } = this.#options;
    const exchange = this.#exchange!; // connected before it is asked for a step
    await untilBoth([this.#run(plan, step, exchange), exchange.sum(step, plan.learned)], (reason) => {
      offers.fail(reason);
      exchange.fail(reason);
    });
  }

  async refresh({ all = false }: { readonly all?: boolean } = {}): Promise<void> {
    await this.#source.refresh({ all });
  }

  drop(): void {
    this.trained.drop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#passes[Symbol.asyncDispose]();
  }

  async #run(plan: StepPlan, step: number, exchange: GradientExchange): Promise<void> {
    const { rank, numRanks } = this.#options;
    const { temperature } = plan;
    for (let round = 0; round * numRanks < plan.learned.length; round++) {
      const batch = plan.learned[round * numRanks + rank];
      exchange.begin(step, round);
      if (batch !== undefined) {
        const inputs = { batch, weights: this.#source, temperature };
        await this.#passes.backward(inputs, (picks) => plan.weigh(batch, picks), exchange);
      }
      exchange.end();
    }
    for (const batch of plan.scored.filter((_, i) => i % numRanks === rank)) {
      plan.collect(batch, await this.#passes.score({ batch, weights: this.#source, temperature }));
    }
  }
}

const exportNumbers = (numbers: Float32Array): RemoteBuffer | undefined =>
  numbers.length === 0 ? undefined : exportBuffer(numbers);
