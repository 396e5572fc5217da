import type { Reward } from './reward.ts';
import { WHITESPACE } from './whitespace.ts';

// Python's IGNORECASE also takes the Turkish i letters for i and the Kelvin sign for k.
const THINK = `[${WHITESPACE}]*[Tt][Hh][Ii\\u0130\\u0131][Nn][Kk\\u212a][${WHITESPACE}]*>`;
const OPEN = `<${THINK}`;
const CLOSE = `<[${WHITESPACE}]*/${THINK}`;
const INK = new RegExp(`[^${WHITESPACE}]`);

/** Settings of {@link thinkingReward}. */
export interface ThinkingRewardOptions {
  /** Score of a completion with a think tag but no block with text in it. @default 0.2 */
  readonly partialReward?: number;
  /** Score of a completion with a block with text in it. @default 1 */
  readonly fullReward?: number;
}

/** The texts between each open tag and the next close tag. One pass: one regex for both is quadratic in open tags. */
function* thinkBlocks(completion: string): Generator<string> {
  const open = new RegExp(OPEN, 'g');
  const close = new RegExp(CLOSE, 'g');
  while (open.exec(completion)) {
    close.lastIndex = open.lastIndex;
    const end = close.exec(completion);
    if (!end) return;
    yield completion.slice(open.lastIndex, end.index);
    open.lastIndex = close.lastIndex;
  }
}

/**
 * `fullReward` when some `<think>…</think>` holds more than white space, `partialReward` when there is only a tag of it
 * or an empty block, else 0. Case and white space inside the tags do not matter; attributes do.
 *
 * Source: TorchForge `forge/data/rewards.py`, `ThinkingReward`.
 */
export function thinkingReward({ partialReward = 0.2, fullReward = 1 }: ThinkingRewardOptions = {}): Reward {
  const tag = new RegExp(`${OPEN}|${CLOSE}`);
  return ({ completion }) => {
    for (const block of thinkBlocks(completion)) if (INK.test(block)) return fullReward;
    return tag.test(completion) ? partialReward : 0;
  };
}
