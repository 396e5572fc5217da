import type { Random } from '@forge/tensor';
import type { Completion, Recorded } from './completion.ts';
import type { CompletionDelta } from './completion-delta.ts';
import { CompletionText } from './completion-text.ts';
import { type Finish, finishOf } from './finish.ts';
import type { Request } from './request.ts';
import type { Sample } from './sampler.ts';
import type { Schedulable } from './scheduler.ts';

/** One completion while it grows: its tokens and what was recorded with each of them. */
export class Sequence implements Schedulable {
  readonly group: Request;
  readonly index: number;
  readonly random: Random;
  readonly tokenIds: number[] = [];
  readonly #samples: Sample[] = [];
  readonly #versions: number[] = [];
  /** Kept only where it is read while it grows; else the text is decoded once, at the end. */
  readonly #text: CompletionText | undefined;
  #numStreamed = 0;
  #numCachedTokens = 0;
  #admittedAtMs = 0;
  #firstTokenAtMs = 0;

  constructor(group: Request, index: number, random: Random) {
    this.group = group;
    this.index = index;
    this.random = random;
    const { stop } = group.params;
    this.#text = stop.length > 0 || group.isStreamed ? new CompletionText(group.decode, stop) : undefined;
  }

  get promptIds(): readonly number[] {
    return this.group.prompt.ids;
  }

  /** Tokens of prompt and completion; the last one is not in the cache yet. */
  get numTokens(): number {
    return this.promptIds.length + this.tokenIds.length;
  }

  get lastTokenId(): number {
    return this.tokenIds.at(-1) ?? this.promptIds.at(-1)!; // prompts are never empty
  }

  /** Records that a slot was given, and how many prompt tokens were copied into it rather than computed. */
  admitted(nowMs: number, numCachedTokens: number): void {
    this.#admittedAtMs = nowMs;
    this.#numCachedTokens = numCachedTokens;
  }

  /** Appends a token drawn under weight `version`; the end of the completion if the token brings it. */
  push(sample: Sample, version: number, nowMs: number): Finish | undefined {
    if (this.tokenIds.length === 0) this.#firstTokenAtMs = nowMs;
    this.tokenIds.push(sample.tokenId);
    this.#samples.push(sample);
    this.#versions.push(version);
    const finish = finishOf(this.tokenIds, this.group.finishRules);
    // A stop token prints nothing, whether it is special or not.
    const stop = finish?.reason === 'stop' ? undefined : this.#text?.push(sample.tokenId);
    return stop === undefined ? finish : { reason: 'stop', stoppedBy: stop };
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
        queuedMs: this.#admittedAtMs - arrivedAtMs,
        firstTokenMs: this.#firstTokenAtMs - arrivedAtMs,
        totalMs: nowMs - arrivedAtMs,
      },
    };
  }

  #recorded(from: number): Recorded {
    const samples = this.#samples.slice(from);
    return {
      tokenIds: this.tokenIds.slice(from),
      logProbs: Float32Array.from(samples, ({ logProb }) => logProb),
      versions: Int32Array.from(this.#versions.slice(from)),
      ...(this.group.params.topLogProbs > 0 && { topLogProbs: samples.map(({ topLogProbs }) => topLogProbs) }),
    };
  }
}
