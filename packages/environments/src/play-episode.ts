import type { Environment, Reply, Step } from './environment.ts';
import type { Message } from './task.ts';
import { within } from './within.ts';

/** A turn of a model. */
export interface Turn extends Reply {
  /** The model did not end it itself: there was no room for more. */
  readonly isCutOff: boolean;
}

/** Whom an episode is played with, such as a conversation with a generator. */
export interface Partner {
  /**
   * Tells the model something and returns its next turn; nothing when there is no room for what it is told, which then was
   * not said.
   *
   * @param turn - number of the answer: 0 is the first of the episode.
   */
  say(messages: readonly Message[], turn: number): Promise<Turn | undefined>;
}

/** When an episode ends at the latest. */
export interface EpisodeLimits {
  /** Turns of the model. @default 16 */
  readonly maxTurns?: number;
  /** For the environment, after each turn. @default 60_000 */
  readonly stepTimeoutMs?: number;
}

/** How an episode went. */
export interface PlayedEpisode {
  /** What was said after the opening: turns of the model as `assistant`, what it was told as the environment says. */
  readonly messages: readonly Message[];
  readonly numTurns: number;
  /** What all turns earned; nothing where the environment judged none. */
  readonly reward?: number;
  /** It was cut off: by a limit, or for want of room. */
  readonly isTruncated: boolean;
  /** Sums of what the environment counted. */
  readonly info: Readonly<Record<string, number>>;
  /** Why the environment could not go on, if it could not. The episode cannot be judged then: it has no reward. */
  readonly failure?: string;
}

/**
 * Plays an episode from the model's first turn to its end. An environment that throws or does not answer in time ends it as
 * a failure; errors of the partner reject.
 */
export async function playEpisode(
  environment: Environment,
  first: Turn,
  partner: Partner,
  { maxTurns = 16, stepTimeoutMs = 60_000 }: EpisodeLimits = {},
): Promise<PlayedEpisode> {
  const most = Math.min(maxTurns, environment.maxTurns ?? Number.POSITIVE_INFINITY);
  const messages: Message[] = [];
  const info: Record<string, number> = {};
  let reward: number | undefined;
  let numTurns = 0;
  const ended = (isTruncated: boolean, failure?: string): PlayedEpisode => ({
    messages,
    numTurns,
    isTruncated,
    info,
    ...(failure === undefined ? reward !== undefined && { reward } : { failure }),
  });
  for (let turn = first; ; ) {
    numTurns += 1;
    messages.push({ role: 'assistant', content: turn.text });
    if (turn.isCutOff) return ended(true);
    let step: Step;
    try {
      step = await within(stepTimeoutMs, () => environment.step(turn));
    } catch (error) {
      return ended(false, error instanceof Error ? error.message : String(error));
    }
    if (step.reward !== undefined) reward = (reward ?? 0) + step.reward;
    for (const [name, value] of Object.entries(step.info ?? {})) info[name] = (info[name] ?? 0) + value;
    if (step.done) return ended(step.truncated === true);
    if (numTurns >= most) return ended(true);
    const observation = step.observation ?? [];
    const next = await partner.say(observation, numTurns);
    if (next === undefined) return ended(true);
    messages.push(...observation);
    turn = next;
  }
}
