import type { Problem } from '@forge/data';
import type { Parts } from '../parts.ts';
import { answerOf, conversation } from '../prompt.ts';

export interface Evaluation {
  /** Share of the problems whose greedy answer is right. */
  readonly accuracy: number;
  /** Mean reward of the greedy answers. */
  readonly reward: number;
}

/** Asks every problem once, greedily, and scores the answers. */
export async function evaluate(
  { generator, rewards }: Parts,
  problems: readonly Problem[],
  maxTokens: number,
): Promise<Evaluation> {
  const completions = await Promise.all(
    problems.map((problem) => generator.chat.route(conversation(problem), { n: 1, temperature: 0, maxTokens })),
  );
  const scores = await rewards.evaluate.route(
    completions.map(([completion], i) => answerOf(completion!, problems[i]!)),
  );
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    accuracy: mean(scores.map((score) => (score.isRight ? 1 : 0))),
    reward: mean(scores.map(({ reward }) => reward)),
  };
}
