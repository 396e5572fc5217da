// V vocabulary
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ModelConfig, Weights } from '@forge/models';
import type { SharedFeeds } from '@forge/onnx';
import type { Logits } from '../sampling/sampler.ts';
import { atLeast, type BatchFeeds, type DecodeRow, extendBatch, prefillBatch } from './batch.ts';
import { cacheShape } from './cache/cache-shape.ts';
import { bucketOf, type Demand, type Room } from './cache/kv-budget.ts';
import { KvMemory } from './cache/kv-memory.ts';
import type { FilledSlot, SlotCopy } from './cache/kv-slots.ts';
import { each, inTurns } from './cache/pieces.ts';
import { DecodeRuns } from './decode-runs.ts';
import { isLent, type LentVersion, lendWeights } from './lent-weights.ts';
import { type Placement, placementOf } from './placement.ts';
import { prefillBatches } from './prefill-batches.ts';
import { RunPace } from './run-pace.ts';
import { type ResolvedRunnerOptions, type RunnerOptions, resolveRunnerOptions } from './runner-options.ts';
import { type SelectedTokens, selectTokens } from './selected-tokens.ts';
import {
  openWeightSessions,
  type PreparedWeights,
  type PrepareOptions,
  type WeightSessions,
} from './weight-sessions.ts';

/** onnxruntime's products give a row the same bits in every matrix of two rows or more; one row takes another kernel. */
const INVARIANT_ROWS = 2;

/** Tokens to compute once, and the slots their keys and values are copied to. */
export interface PrefillRow {
  readonly ids: readonly number[];
  readonly slots: readonly number[];
}

interface RunnerParts {
  readonly sessions: WeightSessions;
  readonly weights: PreparedWeights;
  readonly options: ResolvedRunnerOptions;
}

/**
 * Computes keys, values and logits: one session for prefill and decode, and the caches. Knows no requests. Prefill
 * computes all tokens of a sequence but the last, and decode the last one with the next token's logits.
 */
export class Runner implements AsyncDisposable {
  readonly config: ModelConfig;
  readonly #sessions: WeightSessions;
  readonly #memory: KvMemory;
  readonly #minRows: number;
  readonly #place: Placement;
  readonly #noTokens: SelectedTokens;
  readonly #fillPace = new RunPace();
  #weights: PreparedWeights;
  #fedWeights: SharedFeeds;
  #decodeRuns: DecodeRuns;
  /** Until the weights that were replaced are gone. */
  #retired: Promise<void> = Promise.resolve();

  private constructor(config: ModelConfig, { sessions, weights, options }: RunnerParts) {
    this.config = config;
    this.#sessions = sessions;
    this.#weights = weights;
    this.#memory = new KvMemory(cacheShape(weights.session), options);
    this.#minRows = options.batchInvariant ? INVARIANT_ROWS : 1;
    this.#place = placementOf(config, options.batchInvariant);
    this.#noTokens = selectTokens(config, new Float32Array(0), options.batchInvariant);
    this.#fedWeights = weights.session.shareFeeds(weights.feeds);
    this.#decodeRuns = this.#openDecodeRuns();
  }

  /**
   * Opens the session on weights, or on adapters of some. The caller owns the runner.
   *
   * @throws {RangeError} on an option that cannot be obeyed.
   */
  static async open(config: ModelConfig, given: Weights | LentVersion, options: RunnerOptions = {}): Promise<Runner> {
    const resolved = resolveRunnerOptions(config, options);
    const sessions = await openWeightSessions(config, resolved);
    try {
      const prepared = await sessions.prepare(isLent(given) ? given : lendWeights(given));
      return new Runner(config, { sessions, weights: prepared, options: resolved });
    } catch (error) {
      await sessions[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Tokens of the longest sequence that memory has room for. */
  get maxSequenceTokens(): number {
    return this.#memory.maxSequenceTokens;
  }

  /** Bytes of all keys and values that are held. */
  get numKvBytes(): number {
    return this.#memory.numBytes;
  }

  /** Tokens of scratch memory that is held. */
  get numScratchTokens(): number {
    return this.#memory.numScratchTokens;
  }

  /** Whether memory has room for so much, if prefixes are forgotten. */
  fits({ numScratchTokens, ...room }: Demand): boolean {
    return this.#memory.fits({ ...this.#atLeast(room), numScratchTokens });
  }

  /** Makes slots for some sequences, before they are filled or decoded. `isBegun`: one is computed in pieces. */
  reserve(room: Room, isBegun: boolean): Promise<void> {
    return inTurns(this.#memory.reserve(this.#atLeast(room), isBegun));
  }

  /**
   * Brings weights, which must fit the config, into the form that runs take; runs go on meanwhile. Quantised ones are
   * compared with what they stand for on tokens that were drawn.
   *
   * @throws {OnnxRuntimeError} when no session can be made of them; the reason of `signal` when that aborts.
   */
  async prepare(lent: LentVersion, options: PrepareOptions = {}): Promise<PreparedWeights> {
    await this.#retired; // so that memory holds two sets at most
    return this.#sessions.prepare(lent, options);
  }

  /** The weights of every run that starts after this, owned by the runner from now on. Nothing may run meanwhile. */
  setWeights(weights: PreparedWeights): void {
    const replaced = this.#weights;
    if (weights.session === replaced.session) {
      this.#fedWeights.exchange(weights.feeds);
      this.#weights = weights;
    } else {
      const fedWeights = weights.session.shareFeeds(weights.feeds);
      this.#decodeRuns[Symbol.dispose]();
      this.#fedWeights[Symbol.dispose]();
      this.#weights = weights;
      this.#fedWeights = fedWeights;
      this.#decodeRuns = this.#openDecodeRuns();
    }
    this.#memory.forgetAll();
    this.#retired = replaced[Symbol.asyncDispose]();
  }

  /** How many tokens `ids` begin with need not be computed. */
  numKnown(ids: readonly number[]): number {
    return this.#memory.numKept(ids);
  }

  /** Computes sequences from their first token, those of similar lengths together, and fills their slots, which `room` counts. */
  async prefill(rows: readonly PrefillRow[], room: Room): Promise<void> {
    const computed = rows.filter(({ ids }) => ids.length > 0);
    if (computed.length === 0) return this.reserve(room, false);
    for (const batch of prefillBatches(computed)) await this.#prefillBatch(batch, room);
  }

  /** Begins to compute one sequence in pieces, beside the slots that `room` counts; returns how many of its tokens are known. */
  async begin(ids: readonly number[], room: Room): Promise<number> {
    const extent = { numSlots: 1, capacity: bucketOf(this.#padded(ids.length)) };
    await inTurns(this.#memory.takeScratch(extent, this.#atLeast(room)));
    return inTurns(this.#memory.restore(ids));
  }

  /** Computes the tokens `from` … `to` of the sequence that was begun, on top of those before. */
  async extend(ids: readonly number[], from: number, to: number): Promise<void> {
    await this.#fill(extendBatch(ids, from, to, this.#padded(to - from)));
  }

  /** Fills slots with the sequence that was begun. */
  finish(ids: readonly number[], slots: readonly number[]): Promise<void> {
    return inTurns(this.#memory.place(ids, 0, slots));
  }

  /** Computes what is not known of a sequence, and fills its slots, which `room` counts; returns how many tokens were known. */
  async complete({ ids, slots }: PrefillRow, room: Room): Promise<number> {
    const numKnown = await this.begin(ids, room);
    if (numKnown < ids.length) await this.extend(ids, numKnown, ids.length);
    await this.finish(ids, slots);
    return numKnown;
  }

  /** Adds one token to each of the slots 0 … B-1; their logits come first in the result and are valid until the next run. */
  decode(rows: readonly DecodeRow[]): readonly Logits[] | Promise<readonly Logits[]> {
    return this.#decodeRuns.run(atLeast(this.#minRows, rows));
  }

  /** Keeps tokens of slots, all computed with the current weights, for sequences that begin alike. */
  keep(filled: Iterable<FilledSlot>, heldSinceMs: number): Promise<void> {
    const pieces = each(filled, ({ ids, slot }) => this.#memory.keep(ids, slot));
    return inTurns(pieces, heldSinceMs);
  }

  /** Forgets what is kept of `ids` from place `from` on, as far as no other sequence begins with it. */
  forget(ids: readonly number[], from: number): void {
    this.#memory.forget(ids, from);
  }

  /** Copies slots over others. */
  copySlots(copies: Iterable<SlotCopy>): Promise<void> {
    return inTurns(each(copies, (copied) => this.#memory.copySlot(copied, copied.numTokens)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#retired;
    await this.#weights[Symbol.asyncDispose]();
    await this.#sessions[Symbol.asyncDispose]();
  }

  get #isBatchInvariant(): boolean {
    return this.#minRows > 1;
  }

  #atLeast({ numSlots, longest }: Room): Room {
    return { numSlots: Math.max(this.#minRows, numSlots), longest };
  }

  /** A run of one token would multiply one row. */
  #padded(numTokens: number): number {
    return Math.ceil(numTokens / this.#minRows) * this.#minRows;
  }

  async #prefillBatch(rows: readonly PrefillRow[], room: Room): Promise<void> {
    const prompts = rows.map(({ ids }) => ids);
    const numTokens = this.#padded(Math.max(...prompts.map(({ length }) => length)));
    const extent = { numSlots: prompts.length, capacity: bucketOf(numTokens) };
    await inTurns(this.#memory.takeScratch(extent, this.#atLeast(room)));
    await this.#fill(prefillBatch(prompts, numTokens));
    await inTurns(each(rows.entries(), ([row, { ids, slots }]) => this.#memory.place(ids, row, slots)));
  }

  /** Computes keys and values of a batch in scratch memory. */
  async #fill(batch: BatchFeeds): Promise<void> {
    const { scratch } = this.#memory;
    const { feeds, fetches } = scratch.views(batch.input_ids.shape[0]!);
    using bound = this.#weights.session.bind(
      { ...feeds, ...this.#place(batch, scratch.extent.capacity), ...this.#noTokens.feeds },
      { ...fetches, ...this.#noTokens.fetches },
      this.#fedWeights,
    );
    // Another run follows, which may hold the event loop as well.
    await (this.#fillPace.run(bound, batch.input_ids.data.length) ?? nextTurn());
  }

  #openDecodeRuns(): DecodeRuns {
    return new DecodeRuns({
      config: this.config,
      session: this.#weights.session,
      weights: this.#fedWeights,
      slots: this.#memory.slots,
      place: this.#place,
      batchInvariant: this.#isBatchInvariant,
    });
  }
}
