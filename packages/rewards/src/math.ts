import { formatNumber, parseNumber } from './number.ts';
import type { Reward } from './reward.ts';

const OPEN = '<answer>';
const CLOSE = '</answer>';

/** Settings of {@link mathReward}. */
export interface MathRewardOptions {
  /** An answer is right when it differs from the target by less than this. @default 1e-6 */
  readonly tolerance?: number;
  /** Score of a completion that shows the target only outside `<answer>`. @default 0.1 */
  readonly partialCredit?: number;
}

/** The text of the first `<answer>` pair, and the completion without any pair. One pass: a regex is quadratic in open tags. */
function splitAnswer(completion: string): { readonly answer: string | undefined; readonly rest: string } {
  let answer: string | undefined;
  let rest = '';
  let position = 0;
  for (;;) {
    const open = completion.indexOf(OPEN, position);
    const close = open < 0 ? -1 : completion.indexOf(CLOSE, open + OPEN.length);
    if (close < 0) return { answer, rest: rest + completion.slice(position) };
    answer ??= completion.slice(open + OPEN.length, close);
    rest += completion.slice(position, open);
    position = close + CLOSE.length;
  }
}

/**
 * 1 when the first `<answer>` holds the target number, `partialCredit` when the number only appears elsewhere, else 0.
 *
 * A target that is not a number scores 0 rather than throwing: data sets contain them. "Appears" is a plain substring
 * test, so the target 4 is found in 144; a whole target is looked for without a point (`117.0` as `117`).
 *
 * Source: TorchForge `forge/data/rewards.py`, `MathReward`.
 */
export function mathReward({ tolerance = 1e-6, partialCredit = 0.1 }: MathRewardOptions = {}): Reward {
  return ({ completion, target }) => {
    const expected = parseNumber(target);
    if (expected === undefined) return 0;
    const { answer, rest } = splitAnswer(completion);
    const actual = answer === undefined ? undefined : parseNumber(answer);
    if (actual !== undefined && Math.abs(actual - expected) < tolerance) return 1;
    return rest.includes(formatNumber(expected)) ? partialCredit : 0;
  };
}
