import type { Completion, Recorded } from './completion.ts';

/** What a completion has grown by: usually one token, and the text that is certain since. Plain data. */
export interface CompletionDelta extends Recorded {
  /** Place among the `n` completions of the prompt. */
  readonly index: number;
  /** Whole characters; empty while a character or what may be a stop string is incomplete. */
  readonly text: string;
  /** In the last delta of a completion. */
  readonly finishReason?: Completion['finishReason'];
  readonly stoppedBy?: Completion['stoppedBy'];
}
