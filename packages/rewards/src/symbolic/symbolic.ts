import { finalAnswer } from '../answer.ts';
import type { Reward } from '../reward.ts';
import { areEqual } from './equal.ts';

/** Characters of an answer beyond which it is not read: answers are short, and what is not is no answer. */
const MAX_LENGTH = 1_000;

/**
 * 1 when the final answer of a completion – the last `<answer>`, else the last `\boxed{}` – means what the target means, else 0:
 * `1/2`, `0.5`, `\frac{1}{2}` and `50%`; `2(x+1)` and `2x + 2`; `x = 3` and `3`; `(1, 2)` by element.
 *
 * Expressions with variables are compared at points, not proved equal.
 */
export function symbolicReward(): Reward {
  return ({ completion, target }) => {
    const answer = finalAnswer(completion);
    if (answer === undefined || answer.length > MAX_LENGTH || target.length > MAX_LENGTH) return 0;
    return answer.trim() === target.trim() || areEqual(answer, target) ? 1 : 0;
  };
}
