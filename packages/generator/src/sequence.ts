import type { Random } from '@forge/tensor';
import type { Completion } from './completion.ts';
import { Detokenizer } from './detokenize.ts';
import { type Finish, findStop, finishOf } from './finish.ts';
import type { Request } from './request.ts';
import type { Sample } from './sampler.ts';
import type { Schedulable } from './scheduler.ts';

/** One completion while it grows: its tokens and what was recorded with each of them. */
export class Sequence implements Schedulable {
  readonly group: Request;
  readonly index: number;
  readonly random: Random;
  readonly tokenIds: number[] = [];
  /** The ids a repetition penalty sees. */
  readonly previousIds: readonly (readonly number[])[];
  readonly #logProbs: number[] = [];
  readonly #versions: number[] = [];
  readonly #detokenizer: Detokenizer | undefined;
  #text = '';
  #numCachedTokens = 0;
  #admittedAtMs = 0;
  #firstTokenAtMs = 0;

  constructor(group: Request, index: number, random: Random) {
    this.group = group;
    this.index = index;
    this.random = random;
    this.previousIds = [group.prompt.ids, this.tokenIds];
    // Without stop strings the text is read once, at the end.
    this.#detokenizer = group.params.stop.length > 0 ? new Detokenizer(group.decode) : undefined;
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
  push({ tokenId, logProb }: Sample, version: number, nowMs: number): Finish | undefined {
    if (this.tokenIds.length === 0) this.#firstTokenAtMs = nowMs;
    this.tokenIds.push(tokenId);
    this.#logProbs.push(logProb);
    this.#versions.push(version);
    const finish = finishOf(this.tokenIds, this.group.finishRules);
    if (!this.#detokenizer || finish?.reason === 'stop') return finish;
    const numSearched = this.#text.length;
    this.#text += this.#detokenizer.push(tokenId);
    if (finish) this.#text += this.#detokenizer.rest();
    const match = findStop(this.#text, this.group.params.stop, numSearched);
    if (!match) return finish;
    this.#text = this.#text.slice(0, match.at);
    return { reason: 'stop', stoppedBy: match.stop };
  }

  /** The completion, ended by `finish`. */
  complete({ reason, stoppedBy }: Finish, nowMs: number): Completion {
    const { prompt, arrivedAtMs } = this.group;
    return {
      prompt: prompt.text,
      promptIds: prompt.ids,
      index: this.index,
      text: this.#finalText(stoppedBy),
      tokenIds: this.tokenIds,
      logProbs: Float32Array.from(this.#logProbs),
      versions: Int32Array.from(this.#versions),
      finishReason: reason,
      ...(stoppedBy === undefined ? {} : { stoppedBy }),
      numCachedTokens: this.#numCachedTokens,
      timing: {
        queuedMs: this.#admittedAtMs - arrivedAtMs,
        firstTokenMs: this.#firstTokenAtMs - arrivedAtMs,
        totalMs: nowMs - arrivedAtMs,
      },
    };
  }

  #finalText(stoppedBy: number | string | undefined): string {
    if (typeof stoppedBy === 'string') return this.#text;
    // A stop token prints nothing, whether it is special or not.
    return this.group.decode(stoppedBy === undefined ? this.tokenIds : this.tokenIds.slice(0, -1));
  }
}
