import type { Task } from '@forge/environments';
import { type Answer, type DemonstratedSequence, evaluate as evaluateAnswers } from '@forge/run';
import { accuracyRules, judge } from './accuracy.ts';
import type { Config } from './config.ts';
import { promptOf } from './examples.ts';
import type { Parts } from './parts.ts';

/** What the model makes of examples that it is not trained on, under the names of metrics. */
export interface Evaluation {
  /** Cross entropy a learned token. */
  readonly 'eval/loss': number;
  readonly 'eval/perplexity': number;
  /** What came of the answers, where they are asked for: `eval/accuracy`, `eval/truncated`, … */
  readonly [metric: `eval/${string}`]: number;
}

export interface HeldOut {
  readonly tasks: readonly Task[];
  readonly sequences: readonly DemonstratedSequence[];
}

/** Scores the held-out demonstrations under the trainer's weights, and has the tasks played greedily. */
export async function evaluate({ tasks, sequences }: HeldOut, parts: Parts, config: Config): Promise<Evaluation> {
  const masks = sequences.map(({ mask }) => mask);
  const [{ logProbs }, answered] = await Promise.all([
    parts.trainer.forward.callOne(sequences, { masks }),
    parts.answering && answerAll(tasks, parts.answering, config),
  ]);
  let sum = 0;
  let tokens = 0;
  for (const [b, row] of logProbs.entries()) {
    for (let t = 0; t < row.length; t++) {
      if (masks[b]![t] === 0) continue; // one mask for each sequence
      sum += row[t]!;
      tokens++;
    }
  }
  const loss = -sum / tokens;
  return {
    'eval/loss': loss,
    'eval/perplexity': Math.exp(loss),
    ...answered,
  };
}

/** Plays the tasks as they are played in reinforcement learning, in their environments and with its tools. */
async function answerAll(
  tasks: readonly Task[],
  { generator, environments, weights }: NonNullable<Parts['answering']>,
  { run, sft, environment, evaluation: { accuracy, maxTokens } }: Config,
): Promise<Readonly<Record<`eval/${string}`, number>>> {
  await weights.publish();
  const rule = accuracyRules[accuracy]!; // the schema knows the names of the table alone
  const player = {
    config: { generator: { maxTokens }, environment },
    parts: { generator, environments, score: async (answers: readonly Answer[]) => judge(rule, answers) },
    ask: (task: Task) => promptOf(task, sft),
  };
  const greedy = { samples: 0, temperature: 1, passAt: [], seed: run.seed };
  return (await evaluateAnswers(player, tasks, greedy)).metrics;
}
