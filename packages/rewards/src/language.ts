import { eld } from 'eld/small';
import type { Reward } from './reward.ts';

/** Settings of {@link languageReward}. */
export interface LanguageRewardOptions {
  /** ISO 639-1 code of the language, such as `en` or `ja`. @default 'en' */
  readonly language?: string;
  /** Score of a completion in this language. @default 1 */
  readonly matchReward?: number;
  /** Score of any other, and of one without words. @default 0 */
  readonly noMatchReward?: number;
  /** Name of the tags whose text is judged, when a completion has exactly one pair of them; else all of it is. @default 'think' */
  readonly tag?: string;
}

/**
 * Whether a completion thinks in a language: the text of its only `<think>` block, else all of it.
 *
 * Source: TorchForge `forge/data/rewards.py`, `LanguageReward`; the detector is ELD instead of langid.
 *
 * @throws {RangeError} when the language is not one that the detector knows.
 */
export function languageReward({
  language = 'en',
  matchReward = 1,
  noMatchReward = 0,
  tag = 'think',
}: LanguageRewardOptions = {}): Reward {
  const known = Object.values(eld.info().Languages);
  if (!known.includes(language)) throw new RangeError(`language is ${language}; known are ${known.join(', ')}`);
  return ({ completion }) => {
    const blocks = blocksOf(completion, tag);
    const text = blocks.length === 1 ? blocks[0]! : completion; // it has one
    return eld.detect(text).language === language ? matchReward : noMatchReward;
  };
}

/** The texts between each opening tag and the closing tag after it. Linear in the text. */
function blocksOf(completion: string, tag: string): readonly string[] {
  const blocks: string[] = [];
  for (let position = 0; ; ) {
    const open = completion.indexOf(`<${tag}>`, position);
    const close = open < 0 ? -1 : completion.indexOf(`</${tag}>`, open);
    if (close < 0) return blocks;
    blocks.push(completion.slice(open + tag.length + 2, close));
    position = close;
  }
}
