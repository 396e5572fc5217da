import type { Task } from '@forge/environments';
import { Random } from '@forge/tensor';
import { type Player, play } from '../episodes/play.ts';
import { given } from '../given.ts';
import type { Answer, Score } from './answer.ts';
import { answerOf } from './answer-of.ts';
import { type AnsweredProblem, evaluationMetrics } from './evaluation-metrics.ts';

/** What came of an evaluation. */
export interface Evaluation {
  /** Share of the problems whose greedy answer is right. */
  readonly accuracy: number;
  /** All of it, by the names of metrics. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** How much is asked. */
export interface EvaluateOptions {
  /** Answers that are sampled to each task, beside the greedy one. */
  readonly samples: number;
  /** Of the samples. */
  readonly temperature: number;
  /** Each k of pass@k. */
  readonly passAt: readonly number[];
  /** Of the samples. */
  readonly seed: number;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

/** Who plays, and who judges. */
export interface Examined extends Player {
  readonly parts: Player['parts'] & {
    /** One score an answer. */
    readonly score: (answers: readonly Answer[], signal?: AbortSignal) => Promise<readonly Score[]>;
  };
}

/** Plays every task greedily, and as often as is wanted by chance, always by the same chance; and judges what came of it. */
export async function evaluate(
  examined: Examined,
  tasks: readonly Task[],
  { samples, temperature, passAt, seed, signal }: EvaluateOptions,
): Promise<Evaluation> {
  const chance = new Random(seed).split('evaluation');
  const limits = given({ signal });
  const answered = await Promise.all(
    tasks.map(async (task, i): Promise<AnsweredProblem> => {
      const ofTask = chance.split(`problem ${i}`).integer(2 ** 31);
      const played = await Promise.all([
        play(examined, task, { n: 1, temperature: 0, ...limits }),
        ...(samples > 0 ? [play(examined, task, { n: samples, temperature, seed: ofTask, ...limits })] : []),
      ]);
      const answers = played.flat().map((sampled) => answerOf(sampled, task));
      const scores = await examined.parts.score(answers, signal);
      const [greedy, ...others] = answers.map((answer, j) => ({ ...answer, ...scores[j]! })); // one an answer
      return { greedy: greedy!, samples: others, ...(task.source !== undefined && { source: task.source }) };
    }),
  );
  const metrics = evaluationMetrics(answered, passAt);
  return { accuracy: metrics['eval/accuracy']!, metrics }; // it is always among them
}
