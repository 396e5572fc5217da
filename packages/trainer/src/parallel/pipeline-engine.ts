import type { Parameter } from '@forge/models';
import { type ActorMesh, exportBuffer, type RemoteBuffer } from '@forge/monarch';
import type { Tensor } from '@forge/tensor';
import { type MicroBatch, tokenIdsOf } from '../packing/pack.ts';
import type { StepPlan } from '../packing/step-plan.ts';
import { allocateArena, type ParameterArena, viewArena } from '../parameter-arena.ts';
import { EmbeddingRows } from '../passes/embedding-rows.ts';
import { LayerSessions } from '../passes/layer-sessions.ts';
import { lowestTrainedLayer } from '../passes/layered-passes.ts';
import { LocalGradients } from '../passes/local-gradients.ts';
import { localWeights } from '../passes/local-weights.ts';
import { EMBEDDING, type Part, partOf } from '../passes/parts.ts';
import type { GradientSink, WeightSource } from '../passes/passes.ts';
import { balanceStages } from './balance-stages.ts';
import { type NamedRows, namedRows, ParameterShard } from './parameter-shard.ts';
import { type GivingActor, giversOf } from './peers.ts';
import { PipelineLink } from './pipeline-link.ts';
import { layersOf, PipelineStage } from './pipeline-stage.ts';
import type { BytesHeld, EngineOptions, HeldWeights, RankEngine } from './rank-engine.ts';
import { schedule1F1B } from './schedule-1f1b.ts';
import { cutsForOne, layOutShards, type Shard } from './shards.ts';
import { SpreadParameters } from './spread-parameters.ts';

/**
 * A rank that is one stage of a pipeline: it holds some layers as a whole, and micro-batches pass through all ranks and back.
 * The weight of the embedding is with the first stage; of a tied model with the last, and the first has a copy.
 */
export class PipelineEngine implements RankEngine {
  readonly trained: ParameterShard;
  readonly wholeParts: readonly Part[];
  readonly weights: WeightSource;
  readonly #options: EngineOptions;
  readonly #sessions: LayerSessions;
  readonly #stage: PipelineStage;
  readonly #gradients: LocalGradients;
  readonly #frozenShard: Shard;
  readonly #frozenNumbers: Float32Array;
  readonly #spread: readonly SpreadParameters[];
  readonly #lowestLayer: number;
  readonly #layers: readonly number[];
  /** Of the embedding, where it is with another stage. */
  readonly #copy: ParameterArena | undefined;
  readonly #rows: EmbeddingRows;
  /** In the last stage: the tokens of what was learned, in the order in which the first stage has them in its sums. */
  readonly #learnedIds = new Set<bigint>();
  #link: PipelineLink | undefined;

  private constructor(options: EngineOptions, sessions: LayerSessions) {
    const { config, plan, rank, numRanks, training } = options;
    const stages = balanceStages(config, numRanks);
    const isTied = config.tieWordEmbeddings;
    const ownerOf = (part: Part): number =>
      stages.findIndex((parts) => parts.includes(part === 'embedding' && isTied ? 'head' : part));
    const cuts = (part: Part, own: readonly Parameter[]) => cutsForOne(own, ownerOf(part), numRanks);
    const shards = layOutShards(plan.trained, numRanks, cuts);
    const frozenShards = layOutShards(plan.frozen, numRanks, cuts);
    const isOwn = ({ name }: Parameter): boolean => ownerOf(partOf(name)) === rank;
    const [trained, frozen] = [plan.trained.filter(isOwn), plan.frozen.filter(isOwn)];
    this.#options = options;
    this.#sessions = sessions;
    this.#gradients = new LocalGradients(trained);
    this.trained = new ParameterShard(shards[rank]!, plan, {
      optimizer: training.optimizer,
      gradients: this.#gradients.flat,
    }); // one a rank
    this.#frozenShard = frozenShards[rank]!; // one a rank
    this.#frozenNumbers = new Float32Array(this.#frozenShard.length);
    this.#spread = [
      new SpreadParameters(plan.trained, { shards, rank, own: this.trained.weights }),
      new SpreadParameters(plan.frozen, { shards: frozenShards, rank, own: this.#frozenNumbers }),
    ];
    const embedding = [...plan.trained, ...plan.frozen].filter(({ name }) => name === EMBEDDING);
    this.#copy = rank === 0 && ownerOf('embedding') !== 0 ? allocateArena(embedding) : undefined;
    this.#rows = new EmbeddingRows(config.hiddenSize);
    this.weights = localWeights({
      ...viewArena(this.trained.weights, trained).tensors,
      ...viewArena(this.#frozenNumbers, frozen).tensors,
      ...this.#copy?.tensors,
    });
    this.wholeParts = [...new Set([...trained, ...frozen].map(({ name }) => partOf(name)))];
    this.#lowestLayer = lowestTrainedLayer(config, options.passes.trainable);
    this.#layers = layersOf(stages[rank]!); // one a rank
    this.#stage = new PipelineStage({
      config,
      sessions,
      firstLayer: this.#layers[0]!, // each stage has a layer
      endLayer: this.#layers.at(-1)! + 1,
      lowestLayer: this.#lowestLayer,
      numInFlight: numRanks - rank,
      weights: this.weights,
      gradients: this.#sink(),
    });
  }

  static async open(options: EngineOptions): Promise<PipelineEngine> {
    const { config, passes, rank, numRanks } = options;
    return new PipelineEngine(options, await LayerSessions.open(config, passes, rank === numRanks - 1));
  }

  get rows(): readonly NamedRows<Tensor<'float32'>>[] {
    return [
      ...namedRows(this.trained.shard, this.trained.weights),
      ...namedRows(this.#frozenShard, this.#frozenNumbers),
    ];
  }

  get bytesHeld(): BytesHeld {
    const { weights, gradients, moments } = this.trained;
    return {
      weights: weights.byteLength + this.#frozenNumbers.byteLength + (this.#copy?.flat.byteLength ?? 0),
      gradients: gradients.byteLength,
      moments: moments[0].byteLength + moments[1].byteLength,
      transient: this.#gradients.scratchBytes + (this.#link?.bytesHeld ?? 0),
    };
  }

  heldWeights(): HeldWeights {
    return { trained: exportNumbers(this.trained.weights), frozen: exportNumbers(this.#frozenNumbers) };
  }

  connect(ranks: ActorMesh<GivingActor, 'rank'>, held: readonly HeldWeights[]): void {
    const [trained, frozen] = this.#spread as [SpreadParameters, SpreadParameters];
    trained.connect(held.map((each) => each.trained));
    frozen.connect(held.map((each) => each.frozen));
    const { rank, offers } = this.#options;
    this.#link = new PipelineLink({ offers, givers: giversOf(ranks, rank, offers) });
  }

  async backward(plan: StepPlan, step: number): Promise<void> {
    const link = this.#link!; // connected before it is asked for a step
    const { rank: stage, numRanks: numStages } = this.#options;
    try {
      for (const { kind, microBatch } of schedule1F1B({ stage, numStages, numMicroBatches: plan.learned.length })) {
        const batch = plan.learned[microBatch]!; // the schedule is of as many
        const key = `${step}.${microBatch}`;
        if (kind === 'forward') await this.#forward(link, { key, index: microBatch, batch, plan });
        else await this.#backward(link, { key, index: microBatch, batch, plan });
      }
      for (const [i, batch] of plan.scored.entries()) {
        const key = `${step}.scored.${i}`;
        await this.#forward(link, { key, index: i, batch, plan });
        if (this.#isLast) plan.collect(batch, await this.#stage.score(i, batch, plan.temperature));
      }
      this.#gradients.settle();
      await this.#sumTiedEmbedding(link, `rows.${step}`);
    } catch (error) {
      link.fail(error);
      throw error;
    }
  }

  async refresh(): Promise<void> {
    if (this.#copy === undefined) return;
    for (const spread of this.#spread) {
      if (spread.lengthOf('embedding') > 0) await spread.gather('embedding', this.#copy.flat);
    }
  }

  drop(): void {
    this.trained.drop();
    this.#gradients.drop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sessions[Symbol.asyncDispose]();
  }

  async #forward(link: PipelineLink, { key, index, batch, plan }: Passing): Promise<void> {
    const { rank } = this.#options;
    const x = this.#stage.begin(index, batch);
    if (rank === 0) await this.#stage.embed(index, batch);
    else await link.receive(`x.${key}`, rank - 1, x.data);
    const y = await this.#stage.forward(index, batch, plan.temperature);
    if (!this.#isLast) await link.send(`x.${key}`, y.data);
  }

  async #backward(link: PipelineLink, { key, index, batch, plan }: Passing): Promise<void> {
    const { rank } = this.#options;
    const { temperature } = plan;
    if (this.#layers.at(-1)! < this.#lowestLayer && !this.#isLast) return; // nothing below is trained either
    const isLearned = this.#isLast
      ? await this.#weigh({ key, index, batch, plan })
      : await link.receive(`slope.${key}`, rank + 1, this.#stage.slope(batch, this.#layers.at(-1)! + 1).data);
    const slope = isLearned ? await this.#stage.backward(index, batch, temperature) : undefined;
    const isWanted = this.#layers[0]! > this.#lowestLayer; // by the stage before
    if (isWanted) await link.send(`slope.${key}`, slope?.data);
  }

  /** The loss of a micro-batch, and backward of the head. */
  async #weigh({ index, batch, plan }: Passing): Promise<boolean> {
    const { temperature } = plan;
    const scores = await this.#stage.score(index, batch, temperature);
    const picks = plan.weigh(batch, scores);
    if (picks === undefined) return false;
    await this.#stage.headBackward(index, batch, { picks, scores, temperature });
    for (const id of tokenIdsOf(batch)) this.#learnedIds.add(id);
    return true;
  }

  /** Brings what the first stage has summed for the rows of the embedding to the last one, which has the rest of its gradient. */
  async #sumTiedEmbedding(link: PipelineLink, key: string): Promise<void> {
    const { config, passes, numRanks } = this.#options;
    if (!config.tieWordEmbeddings || numRanks === 1 || !passes.trainable.includes(EMBEDDING)) return;
    if (this.#copy !== undefined) {
      await link.send(key, this.#rows.sums);
      this.#rows.clear();
    }
    if (!this.#isLast) return;
    const ids = BigInt64Array.from(this.#learnedIds);
    this.#learnedIds.clear();
    const sums = new Float32Array(ids.length * config.hiddenSize);
    await link.receive(key, 0, sums);
    this.#rows.add(ids, sums);
    this.#rows.moveTo(this.#gradients.tensors[EMBEDDING]!); // it is trained, and this stage has it
  }

  get #isLast(): boolean {
    return this.#options.rank === this.#options.numRanks - 1;
  }

  /** Of the stage: where the embedding is with another one, its rows are summed apart. */
  #sink(): GradientSink {
    const isTrained = this.#options.passes.trainable.includes(EMBEDDING);
    return {
      write: (parts, run) => this.#gradients.write(parts, run),
      addToEmbedding: (ids, slopes) => {
        if (this.#copy === undefined) this.#gradients.addToEmbedding(ids, slopes);
        else if (isTrained) this.#rows.add(ids, slopes.data);
      },
    };
  }
}

/** A micro-batch on its way through a stage. */
interface Passing {
  /** Names it in a step. */
  readonly key: string;
  readonly index: number;
  readonly batch: MicroBatch;
  readonly plan: StepPlan;
}

const exportNumbers = (numbers: Float32Array): RemoteBuffer | undefined =>
  numbers.length === 0 ? undefined : exportBuffer(numbers);
