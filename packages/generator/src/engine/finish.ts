/** Why a completion ended: a stop token or stop string, the token limit, or an update of the weights in mode `abort`. */
export type FinishReason = 'stop' | 'length' | 'abort';

/** The end of a completion. */
export interface Finish {
  readonly reason: FinishReason;
  /** The stop token or stop string that was met. */
  readonly stoppedBy?: number | string;
}

/** What ends a completion. */
export interface FinishRules {
  readonly stopTokenIds: ReadonlySet<number>;
  /** Tokens of the completion, at most. */
  readonly maxTokens: number;
}

/** The end that the last token of a completion brings, if any; a stop token on the limit counts as a stop. */
export function finishOf(tokenIds: readonly number[], { stopTokenIds, maxTokens }: FinishRules): Finish | undefined {
  const last = tokenIds.at(-1);
  if (last !== undefined && stopTokenIds.has(last)) return { reason: 'stop', stoppedBy: last };
  return tokenIds.length >= maxTokens ? { reason: 'length' } : undefined;
}

/** A stop string found in a text. */
export interface StopMatch {
  readonly stop: string;
  readonly at: number;
}

/**
 * The stop string that begins first in `text`, the longer one when several begin there. `numSearched` characters at
 * the start were searched before, without a match: only matches that end after them are looked for.
 */
export function findStop(text: string, stops: readonly string[], numSearched: number): StopMatch | undefined {
  let first: StopMatch | undefined;
  for (const stop of stops) {
    const at = text.indexOf(stop, Math.max(0, numSearched - stop.length + 1));
    if (at === -1) continue;
    if (!first || at < first.at || (at === first.at && stop.length > first.stop.length)) first = { stop, at };
  }
  return first;
}
