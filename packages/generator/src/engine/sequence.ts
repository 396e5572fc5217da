import type { Random } from '@forge/tensor';
import type { ConstrainedText } from '../constraint/constraint.ts';
import type { AllowedTokens } from '../sampling/allowed-tokens.ts';
import { type Sample, softmaxTemperature, type TokenLogProb } from '../sampling/sampler.ts';
import { CompletionText } from '../text/completion-text.ts';
import type { Completion, Recorded } from './completion.ts';
import type { CompletionDelta } from './completion-delta.ts';
import { type Finish, finishOf } from './finish.ts';
import type { Request } from './request.ts';
import type { Schedulable } from './scheduler.ts';

/** One completion while it grows: its tokens and what was recorded with each of them. */
export class Sequence implements Schedulable {
  readonly group: Request;
  readonly index: number;
  readonly random: Random;
  /** That the softmax of its tokens is of. */
  readonly temperature: number;
  readonly tokenIds: number[] = [];
  readonly #logProbs: number[] = [];
  /** Stays empty where none are asked for. */
  readonly #topLogProbs: (readonly TokenLogProb[])[] = [];
  readonly #versions: number[] = [];
  /** Kept only where it is read while it grows; else the text is decoded once, at the end. */
  readonly #text: CompletionText | undefined;
  /** Kept only where the request has a constraint. */
  readonly constrained: ConstrainedText | undefined;
  #numStreamed = 0;
  /** Before it has run, and again when it was preempted. */
  #cachedIds: readonly number[];
  /** The weights that what is in its slot was computed with; `undefined` while it has none. */
  #cachedVersion: number | undefined;
  #numCachedTokens = 0;
  #admittedAtMs: number | undefined;
  #firstTokenAtMs = 0;

  constructor(group: Request, index: number, random: Random) {
    this.group = group;
    this.index = index;
    this.random = random;
    this.temperature = softmaxTemperature(group.params);
    this.#cachedIds = group.cachedIds;
    this.constrained = group.constraint?.begin();
    const { stop } = group.params;
    this.#text = stop.length > 0 || group.isStreamed ? new CompletionText(group.decode, stop) : undefined;
  }

  get promptIds(): readonly number[] {
    return this.group.prompt.ids;
  }

  /** Tokens of prompt and completion. */
  get numTokens(): number {
    return this.promptIds.length + this.tokenIds.length;
  }

  /** Tokens whose keys and values are in its slot, while it has one: all but the last. */
  get numComputed(): number {
    return this.numTokens - 1;
  }

  /** The token to compute next. */
  get nextId(): number {
    return this.tokenIds.at(-1) ?? this.promptIds.at(-1)!; // no prompt is empty
  }

  /** The tokens that its constraint allows next. */
  get allowed(): AllowedTokens | undefined {
    const { constrained } = this;
    return (
      constrained && {
        mask: constrained.mask,
        isEnd: constrained.isComplete,
        endIds: this.group.finishRules.stopTokenIds,
      }
    );
  }

  get priority(): number {
    return this.group.priority;
  }

  get arrival(): number {
    return this.group.arrival;
  }

  get cachedIds(): readonly number[] {
    return this.#cachedIds;
  }

  /** Records that a slot was filled, with weights of `version`, and how much of it was copied rather than computed. */
  admitted(nowMs: number, numCachedTokens: number, version: number): void {
    this.#cachedVersion = version;
    if (this.#admittedAtMs !== undefined) return;
    this.#admittedAtMs = nowMs;
    this.#numCachedTokens = numCachedTokens;
  }

  /** Records that its slot was taken away. When it runs again its completion is computed together with the prompt. */
  preempted(): void {
    this.#cachedVersion = undefined;
    this.#cachedIds = this.#ids().slice(0, -1);
  }

  /** Whether all that its slot holds was computed with weights of `version`. */
  isComputedWith(version: number): boolean {
    return this.#cachedVersion === version;
  }

  /** What its slot holds. */
  computedIds(): readonly number[] {
    return this.#ids().slice(0, this.numComputed);
  }

  /** Appends a token drawn under weight `version`; the end of the completion if the token brings it. */
  push(sample: Sample, version: number, nowMs: number): Finish | undefined {
    if (this.tokenIds.length === 0) this.#firstTokenAtMs = nowMs;
    this.tokenIds.push(sample.tokenId);
    this.#logProbs.push(sample.logProb);
    if (this.group.params.topLogProbs > 0) this.#topLogProbs.push(sample.topLogProbs);
    this.#versions.push(version);
    const finish = finishOf(this.tokenIds, this.group.finishRules);
    // A stop token prints nothing, whether it is special or not.
    if (finish?.reason === 'stop') return finish;
    const stop = this.#text?.push(sample.tokenId);
    if (stop !== undefined) return { reason: 'stop', stoppedBy: stop };
    this.constrained?.push(sample.tokenId);
    return this.constrained?.isOver ? { reason: 'stop' } : finish;
  }

  /** What is new since the last delta. */
  delta(finish: Finish | undefined): CompletionDelta {
    const from = this.#numStreamed;
    this.#numStreamed = this.tokenIds.length;
    return {
      index: this.index,
      text: this.#text?.take(finish !== undefined) ?? '',
      ...this.#recorded(from),
      ...(finish && { finishReason: finish.reason }),
      ...(finish?.stoppedBy !== undefined && { stoppedBy: finish.stoppedBy }),
    };
  }

  /** The completion, ended by `finish`. */
  complete({ reason, stoppedBy }: Finish, nowMs: number): Completion {
    const { prompt, arrivedAtMs, decode } = this.group;
    const printed = typeof stoppedBy === 'number' ? this.tokenIds.slice(0, -1) : this.tokenIds;
    return {
      prompt: prompt.text,
      promptIds: prompt.ids,
      index: this.index,
      text: this.#text ? this.#text.whole() : decode(printed),
      ...this.#recorded(0),
      finishReason: reason,
      ...(stoppedBy !== undefined && { stoppedBy }),
      numCachedTokens: this.#numCachedTokens,
      timing: {
        queuedMs: (this.#admittedAtMs ?? nowMs) - arrivedAtMs,
        firstTokenMs: this.#firstTokenAtMs - arrivedAtMs,
        totalMs: nowMs - arrivedAtMs,
      },
    };
  }

  #ids(): readonly number[] {
    return [...this.promptIds, ...this.tokenIds];
  }

  #recorded(from: number): Recorded {
    return {
      tokenIds: this.tokenIds.slice(from),
      logProbs: new Float32Array(this.#logProbs.slice(from)),
      versions: new Int32Array(this.#versions.slice(from)),
      ...(this.group.params.topLogProbs > 0 && { topLogProbs: this.#topLogProbs.slice(from) }),
    };
  }
}
