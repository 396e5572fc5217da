import type { Task } from '@forge/environments';
import { answerOf } from '../rewards/answer-of.ts';
import { play } from '../rollouts/play.ts';
import type { Run } from '../run.ts';

export interface Evaluation {
  /** Share of the tasks whose greedy answer is right. */
  readonly accuracy: number;
  /** Mean reward of the greedy answers. */
  readonly reward: number;
}

/** Plays every task once, greedily, and scores what came of it. */
export async function evaluate(
  { config, parts }: Pick<Run, 'config' | 'parts'>,
  tasks: readonly Task[],
): Promise<Evaluation> {
  const played = await Promise.all(tasks.map((task) => play({ config, parts }, task, { n: 1, temperature: 0 })));
  const scores = await parts.score(played.map(([episode], i) => answerOf(episode!, tasks[i]!)));
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    accuracy: mean(scores.map((score) => (score.isRight ? 1 : 0))),
    reward: mean(scores.map(({ reward }) => reward).filter((reward) => reward !== undefined)),
  };
}
