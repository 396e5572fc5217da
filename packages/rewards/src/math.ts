import { taggedAnswer } from './answer.ts';
import { formatNumber, parseNumber } from './number.ts';
import type { Reward } from './reward.ts';

const OPEN = '<answer>';
const CLOSE = '</answer>';
/** A decimal number with its thousands, as long as it goes. A sign counts where no digit or letter stands before it. */
const NUMBER = /(?:(?<![\w.)])-)?(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?(?![\w])/gi;

/** Settings of {@link mathReward}. */
export interface MathRewardOptions {
  /** An answer is right when it differs from the target by less than this. @default 1e-6 */
  readonly tolerance?: number;
  /** Score of a completion that shows the target only outside `<answer>`. @default 0.1 */
  readonly partialCredit?: number;
  /**
   * Scores as TorchForge does, to the last case: the first pair of tags counts, in lower case only, and partial credit is a
   * substring test, so that the target 4 is found in 144. @default false
   */
  readonly parity?: boolean;
}

/** The text of the first pair of tags, and the completion without any pair. One pass: a regex is quadratic in open tags. */
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

/** Whether a number stands in a text as a number, and not within another one. */
function shows(text: string, expected: number, tolerance: number): boolean {
  for (const [number] of text.matchAll(NUMBER)) {
    const value = parseNumber(number);
    if (value !== undefined && Math.abs(value - expected) < tolerance) return true;
  }
  return false;
}

/**
 * 1 when the last `<answer>` holds the target number, `partialCredit` when the number only stands elsewhere, else 0.
 *
 * A target that is not a finite number scores 0 rather than throwing: data sets contain them.
 *
 * Source: TorchForge `forge/data/rewards.py`, `MathReward`, which `parity` follows to the letter.
 */
export function mathReward({ tolerance = 1e-6, partialCredit = 0.1, parity = false }: MathRewardOptions = {}): Reward {
  const score = parity ? scoreAsTorchForge : scoreStrictly;
  return ({ completion, target }) => {
    const expected = parseNumber(target);
    return expected === undefined ? 0 : score(completion, expected, { tolerance, partialCredit });
  };
}

type Settings = Required<Omit<MathRewardOptions, 'parity'>>;

function scoreStrictly(completion: string, expected: number, { tolerance, partialCredit }: Settings): number {
  if (!Number.isFinite(expected)) return 0;
  const { answer, rest } = taggedAnswer(completion);
  const actual = answer === undefined ? undefined : parseNumber(answer);
  if (actual !== undefined && Math.abs(actual - expected) < tolerance) return 1;
  return shows(rest, expected, tolerance) ? partialCredit : 0;
}

function scoreAsTorchForge(completion: string, expected: number, { tolerance, partialCredit }: Settings): number {
  const { answer, rest } = splitAnswer(completion);
  const actual = answer === undefined ? undefined : parseNumber(answer);
  if (actual !== undefined && Math.abs(actual - expected) < tolerance) return 1;
  return rest.includes(formatNumber(expected)) ? partialCredit : 0;
}
