import type { Task } from '@forge/environments';
import { conversation } from '@forge/run';
import type { Parts } from '../parts.ts';
import { answerOf } from '../rewards/answer-of.ts';

export interface Evaluation {
  /** Share of the tasks whose greedy answer is right. */
  readonly accuracy: number;
  /** Mean reward of the greedy answers. */
  readonly reward: number;
}

/** Asks for every task once, greedily, and scores the answers. */
export async function evaluate(
  { generator, score }: Parts,
  tasks: readonly Task[],
  maxTokens: number,
): Promise<Evaluation> {
  const completions = await Promise.all(
    tasks.map((task) => generator.chat.route(conversation(task), { n: 1, temperature: 0, maxTokens })),
  );
  const scores = await score(completions.map(([completion], i) => answerOf(completion!, tasks[i]!)));
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    accuracy: mean(scores.map((score) => (score.isRight ? 1 : 0))),
    reward: mean(scores.map(({ reward }) => reward).filter((reward) => reward !== undefined)),
  };
}
