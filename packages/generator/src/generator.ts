import type { ChatMessage, ChatOptions, Tokenizer } from '@forge/models';
import { endpoint, streamEndpoint } from '@forge/monarch';
import { drainMetrics, type Metrics, watchEventLoop } from '@forge/observability';
import { ForgeActor } from '@forge/service';
import { attachStore, type Store, type StoreReference } from '@forge/torchstore';
import { appendedIds, type ReplyOptions, type Transcript } from './conversation/next-turn.ts';
import type { Completion } from './engine/completion.ts';
import type { CompletionDelta } from './engine/completion-delta.ts';
import { promptOf } from './engine/prompt.ts';
import { streamCompletions } from './engine/stream-completions.ts';
import type { UpdateMode } from './engine/update-queue.ts';
import { ConversationFullError, NoStoreError } from './errors.ts';
import { recordBusyShare, recordRequest } from './metrics.ts';
import { type ModelOptions, type OpenedModel, openModel } from './open-model.ts';
import { resolveSamplingParams, type SamplingParams } from './sampling/sampling-params.ts';
import { WeightSource } from './weight-source.ts';
import { WeightUpdates } from './weight-updates.ts';

/** What a generator is constructed with. */
export interface GeneratorOptions extends Omit<ModelOptions, 'seed'> {
  /** A Hugging Face folder, or the name of a model on its hub; its weights are version 0. */
  readonly model: string;
  /**
   * Where `updateWeights` fetches versions. When it has some already, the generator begins with the newest: a replica that
   * was lost answers again only when it has caught up.
   * @default none: the weights stay
   */
  readonly store?: StoreReference;
  /**
   * Options of requests that do not say otherwise. What the folder's `generation_config.json` recommends is not used,
   * since filters that the trainer does not know bias its gradients.
   * @default one completion of at most 16 tokens at temperature 1
   */
  readonly sampling?: SamplingParams;
  /**
   * Seeds requests that bring no seed, together with the actor's rank. Replicas of a service draw equally from equal
   * requests; give requests a seed where that matters.
   * @default 0
   */
  readonly seed?: number;
}

/** How new weights are taken. */
export interface UpdateWeightsOptions {
  /** What happens to sequences that are running. @default 'inFlight' */
  readonly mode?: UpdateMode;
}

/** What `setup` made. */
interface Ready extends OpenedModel {
  readonly store: Store | undefined;
  /** From versions in the store. */
  readonly updates: WeightUpdates | undefined;
}

/** Continues prompts with a language model, many at once, while its weights are updated. vLLM's role. */
export class Generator extends ForgeActor {
  static readonly module: string = import.meta.url;
  readonly #options: GeneratorOptions;
  #ready: Promise<Ready> | undefined;
  #observed: readonly Disposable[] = [];

  /** @throws {SamplingParamsError} when the default sampling options cannot be obeyed. */
  constructor(options: GeneratorOptions) {
    super();
    resolveSamplingParams(options.sampling ?? {});
    this.#options = options;
  }

  override async setup(): Promise<void> {
    this.#ready = start(this.#options, this.context.point.rank);
    const { engine, updates } = await this.#ready;
    this.#observed = [watchEventLoop('generator_perf'), recordBusyShare(engine)];
    await updates?.catchUp('inFlight');
  }

  override async cleanup(): Promise<void> {
    for (const observed of this.#observed) observed[Symbol.dispose]();
    const { store, ...model } = await this.#started();
    await model[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
  }

  /** The `n` completions of a prompt, given as text or as token ids. Cancelling the call frees its slots. */
  readonly generate = endpoint(
    async (prompt: string | readonly number[], sampling: SamplingParams = {}): Promise<readonly Completion[]> => {
      const [completions] = await this.#generate([prompt], sampling);
      return completions!; // one a prompt
    },
    { concurrency: Number.POSITIVE_INFINITY, idempotent: true },
  );

  /** `generate` for the next turn of a conversation, by the chat template of the model. */
  readonly chat = endpoint(
    async (
      messages: readonly ChatMessage[],
      sampling: SamplingParams = {},
      template: ChatOptions = {},
    ): Promise<readonly Completion[]> => {
      const { tokenizer } = await this.#started();
      const [completions] = await this.#generate([chatPrompt(tokenizer, messages, template)], sampling);
      return completions!; // one a prompt
    },
    { concurrency: Number.POSITIVE_INFINITY, idempotent: true },
  );

  /** The completions of a conversation's next turn: all tokens so far, and those that the messages append; see {@link Conversation}. */
  readonly reply = endpoint(
    async (
      transcript: Transcript,
      messages: readonly ChatMessage[],
      sampling: SamplingParams = {},
      { maxLength = Number.POSITIVE_INFINITY, ...template }: ReplyOptions = {},
    ): Promise<readonly Completion[]> => {
      const { engine, tokenizer } = await this.#started();
      const ids = [...transcript.ids, ...appendedIds(tokenizer, transcript, messages, template)];
      const most = Math.min(maxLength, engine.maxModelLength);
      if (ids.length >= most) throw new ConversationFullError(ids.length, most);
      const { maxTokens } = resolveSamplingParams(this.#options.sampling ?? {}, sampling);
      const [completions] = await this.#generate([ids], {
        ...sampling,
        maxTokens: Math.min(maxTokens, most - ids.length),
      });
      return completions!; // one a prompt
    },
    { concurrency: Number.POSITIVE_INFINITY, idempotent: true },
  );

  /** Forgets the keys and values of a sequence from place `from` on, as far as no other sequence begins with its tokens. */
  readonly forget = endpoint(
    async (ids: readonly number[], from: number = 0): Promise<void> => (await this.#started()).engine.forget(ids, from),
    { concurrency: Number.POSITIVE_INFINITY, idempotent: true },
  );

  /** `generate` while the completions grow: a delta for each token. Leaving the stream gives the request up. */
  readonly stream = streamEndpoint(
    (prompt: string | readonly number[], sampling: SamplingParams = {}) => this.#stream(() => prompt, sampling),
    { concurrency: Number.POSITIVE_INFINITY },
  );

  /** `chat` while the completions grow. */
  readonly streamChat = streamEndpoint(
    (messages: readonly ChatMessage[], sampling: SamplingParams = {}, template: ChatOptions = {}) =>
      this.#stream((tokenizer) => chatPrompt(tokenizer, messages, template), sampling),
    { concurrency: Number.POSITIVE_INFINITY },
  );

  /** The completions of several prompts in one message; when one of them fails, the others are given up. */
  readonly generateBatch = endpoint(
    (prompts: readonly (string | readonly number[])[], sampling: SamplingParams = {}) =>
      this.#generate(prompts, sampling),
    { concurrency: Number.POSITIVE_INFINITY, idempotent: true },
  );

  /**
   * Takes the weights that the store holds as `policy_ver_<version>`, whole or as adapters of the folder's: fetches and
   * prepares them while decoding goes on, and swaps them in between two steps. Updates are applied one after the other, in
   * order of arrival, without those that a newer one overtakes before their turn: they settle with it. A version that the
   * store has dropped for a newer one gives way to the newest: the news of it came late.
   *
   * @throws {NoStoreError} {WeightsMismatchError} and the errors of store and session; the weights stay as they are then.
   */
  readonly updateWeights = endpoint(
    async (version: number, { mode = 'inFlight' }: UpdateWeightsOptions = {}): Promise<void> => {
      const { updates } = await this.#started();
      if (!updates) throw new NoStoreError(version);
      await updates.take(version, mode);
    },
    { concurrency: Number.POSITIVE_INFINITY, idempotent: true },
  );

  /** The version of the weights that the next token is drawn with. */
  readonly getVersion = endpoint(async (): Promise<number> => (await this.#started()).engine.version, {
    concurrency: Number.POSITIVE_INFINITY,
    idempotent: true,
  });

  /** What was recorded in this process since the last time; for `observe` of a `MetricLogger`. */
  readonly drainMetrics = endpoint((): Metrics => drainMetrics(), { concurrency: Number.POSITIVE_INFINITY });

  #started(): Promise<Ready> {
    if (!this.#ready) throw new TypeError('A generator answers only after its setup; spawn it instead of calling new.');
    return this.#ready;
  }

  async *#stream(
    given: (tokenizer: Tokenizer) => string | readonly number[],
    sampling: SamplingParams,
  ): AsyncGenerator<CompletionDelta> {
    const { signal } = this.context;
    const { engine, tokenizer } = await this.#started();
    const params = resolveSamplingParams(this.#options.sampling ?? {}, sampling);
    const prompt = promptOf(given(tokenizer), tokenizer, engine.maxModelLength);
    recordRequest(yield* streamCompletions(engine, prompt, params, signal));
  }

  async #generate(
    prompts: readonly (string | readonly number[])[],
    sampling: SamplingParams,
  ): Promise<readonly (readonly Completion[])[]> {
    const { signal } = this.context;
    const { engine, tokenizer } = await this.#started();
    const params = resolveSamplingParams(this.#options.sampling ?? {}, sampling);
    const tokenised = prompts.map((prompt) => promptOf(prompt, tokenizer, engine.maxModelLength));
    for (const { ids } of tokenised) engine.check(ids, params);
    const siblings = new AbortController();
    const either = AbortSignal.any([signal, siblings.signal]);
    try {
      const all = await Promise.all(tokenised.map((prompt) => engine.generate(prompt, params, { signal: either })));
      for (const completions of all) recordRequest(completions);
      return all;
    } catch (error) {
      siblings.abort(error);
      throw error;
    }
  }
}

function chatPrompt(tokenizer: Tokenizer, messages: readonly ChatMessage[], template: ChatOptions): string {
  return tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true, ...template });
}

async function start({ model: name, store: reference, ...options }: GeneratorOptions, rank: number): Promise<Ready> {
  const model = await openModel(name, { ...options, seed: `${options.seed ?? 0}, rank ${rank}` });
  const store = reference && attachStore(reference);
  const updates = store && new WeightUpdates(model.engine, new WeightSource(store, model.folder, model.config));
  return { ...model, store, updates };
}
