import type { Task } from '@forge/environments';
import type { DemonstratedSequence } from '@forge/run';
import { accuracyRules } from './accuracy.ts';
import type { Config } from './config.ts';
import { promptOf } from './examples.ts';
import type { Parts } from './parts.ts';

/** What the model makes of examples that it is not trained on, under the names of metrics. */
export interface Evaluation {
  /** Cross entropy a learned token. */
  readonly 'eval/loss': number;
  readonly 'eval/perplexity': number;
  /** Share of right answers, where answers are asked for. */
  readonly 'eval/accuracy'?: number;
}

export interface HeldOut {
  readonly tasks: readonly Task[];
  readonly sequences: readonly DemonstratedSequence[];
}

/** Scores the held-out demonstrations under the trainer's weights, and has the tasks answered greedily. */
export async function evaluate({ tasks, sequences }: HeldOut, parts: Parts, config: Config): Promise<Evaluation> {
  const masks = sequences.map(({ mask }) => mask);
  const [{ logProbs }, accuracy] = await Promise.all([
    parts.trainer.forward.callOne(sequences, { masks }),
    parts.answering && accuracyOf(tasks, parts.answering, config),
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
    ...(accuracy !== undefined && { 'eval/accuracy': accuracy }),
  };
}

async function accuracyOf(
  tasks: readonly Task[],
  { generator, weights }: NonNullable<Parts['answering']>,
  { sft, evaluation: { accuracy, maxTokens } }: Config,
): Promise<number> {
  await weights.publish();
  const isRight = accuracyRules[accuracy]!; // the schema knows the names of the table alone
  const answers = await Promise.all(
    tasks.map((task) => generator.chat.route(promptOf(task, sft), { n: 1, temperature: 0, maxTokens })),
  );
  const right = answers.filter(([answer], i) => {
    const { prompt, text, finishReason } = answer!; // one was asked for
    return finishReason !== 'length' && isRight({ prompt, completion: text, target: tasks[i]!.target }) === 1;
  });
  return right.length / tasks.length;
}
