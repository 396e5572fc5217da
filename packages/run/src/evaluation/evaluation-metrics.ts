import { finalAnswer } from '@forge/rewards';
import { passAtK } from './pass-at-k.ts';

/** An answer that was judged. */
export interface Judged {
  readonly completion: string;
  readonly isRight: boolean;
  readonly isTruncated: boolean;
  readonly reward: number | undefined;
}

/** What was answered to a problem. */
export interface AnsweredProblem {
  readonly source?: string;
  readonly greedy: Judged;
  /** The same number for each problem. */
  readonly samples: readonly Judged[];
}

/** What the answers say, in all under `eval/`, and of each source under `eval/<source>/` where there are several. */
export function evaluationMetrics(
  problems: readonly AnsweredProblem[],
  passAt: readonly number[],
): Readonly<Record<string, number>> {
  const bySource = [...Map.groupBy(problems, ({ source = 'other' }) => source)];
  return {
    ...metricsOf(problems, passAt, 'eval/'),
    ...Object.fromEntries(
      (bySource.length > 1 ? bySource : []).flatMap(([source, own]) =>
        Object.entries(metricsOf(own, passAt, `eval/${source}/`)),
      ),
    ),
  };
}

function metricsOf(
  problems: readonly AnsweredProblem[],
  passAt: readonly number[],
  prefix: string,
): Readonly<Record<string, number>> {
  const n = problems[0]?.samples.length ?? 0;
  const greedy = problems.map((problem) => problem.greedy);
  const meanOf = (value: (problem: AnsweredProblem) => number) => mean(problems.map(value));
  return {
    [`${prefix}accuracy`]: mean(greedy.map(({ isRight }) => Number(isRight))),
    [`${prefix}reward`]: mean(greedy.flatMap(({ reward }) => reward ?? [])),
    [`${prefix}truncated`]: mean(greedy.map(({ isTruncated }) => Number(isTruncated))),
    [`${prefix}unscored`]: problems.flatMap((each) => [each.greedy, ...each.samples]).filter(isUnscored).length,
    ...(n > 0 && {
      [`${prefix}mean@${n}`]: meanOf(({ samples }) => countRight(samples) / n),
      [`${prefix}majority@${n}`]: meanOf(({ samples }) => Number(isMajorityRight(samples))),
      ...Object.fromEntries(
        passAt
          .filter((k) => k <= n)
          .map((k) => [`${prefix}pass@${k}`, meanOf(({ samples }) => passAtK(n, countRight(samples), k))]),
      ),
    }),
  };
}

const isUnscored = ({ reward }: Judged) => reward === undefined;
const countRight = (samples: readonly Judged[]) => samples.filter(({ isRight }) => isRight).length;

/** Whether the answer is right that most samples give; of those that are given equally often, the first. */
function isMajorityRight(samples: readonly Judged[]): boolean {
  const byAnswer = Map.groupBy(samples, ({ completion }) => (finalAnswer(completion) ?? completion).trim());
  const [most] = [...byAnswer.values()].toSorted((a, b) => b.length - a.length);
  return most?.some(({ isRight }) => isRight) ?? false;
}

/** NaN of nothing. */
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
