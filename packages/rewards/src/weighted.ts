import type { AnyReward, RewardSample } from './reward.ts';

/** One of several rewards. */
export interface WeightedPart<Sample extends RewardSample = RewardSample> {
  readonly reward: AnyReward<Sample>;
  /** 0: it is told, and does not count. @default 1 */
  readonly weight?: number;
}

/** Why a part gave no score: it threw, gave something that is not a finite number, or took too long. */
export interface RewardProblem {
  readonly reason: 'threw' | 'notANumber' | 'timedOut';
  readonly message: string;
}

/** A score and what it is made of. */
export interface Score {
  /** The weighted mean of the parts that apply; none when a part failed or none applies, and the sample is to be left out. */
  readonly reward: number | undefined;
  /** What each part gave; none where it does not apply, or failed. */
  readonly parts: Readonly<Record<string, number | undefined>>;
  /** Why a part failed. */
  readonly problems: Readonly<Record<string, RewardProblem>>;
}

/** Settings of {@link weightedReward}. */
export interface WeightedRewardOptions {
  /** How long a part that answers later may take, in ms. One that blocks cannot be stopped from here. @default no limit */
  readonly timeoutMs?: number;
}

type Outcome = { readonly score: number | undefined } | { readonly problem: RewardProblem };

/**
 * Scores by several rewards: their weighted mean, with each part beside it. A part that gives `undefined` does not apply to a
 * sample, and the others make its mean; one that fails fails its sample, not the run.
 *
 * @throws {RangeError} when the weights are not finite and from 0, or are all 0.
 */
export function weightedReward<Sample extends RewardSample = RewardSample>(
  parts: Readonly<Record<string, WeightedPart<Sample> | AnyReward<Sample>>>,
  { timeoutMs }: WeightedRewardOptions = {},
): (sample: Sample) => Promise<Score> {
  const weighted = Object.entries(parts).map(([name, part]) => {
    const { reward, weight = 1 } = typeof part === 'function' ? { reward: part } : part;
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`the weight of ${name} is ${weight}; expected a number from 0`);
    }
    return { name, reward, weight };
  });
  if (weighted.every(({ weight }) => weight === 0)) throw new RangeError('the weights sum to 0; expected one above it');
  return async (sample) => {
    const given = weighted.map(({ reward }) => outcomeOf(() => reward(sample), timeoutMs));
    const scores: Record<string, number | undefined> = {};
    const problems: Record<string, RewardProblem> = {};
    let sum = 0;
    let total = 0;
    for (const [i, { name, weight }] of weighted.entries()) {
      const outcome = await given[i]!; // one a part
      const score = 'score' in outcome ? outcome.score : undefined;
      scores[name] = score;
      if ('problem' in outcome) problems[name] = outcome.problem;
      if (score === undefined) continue;
      sum += weight * score;
      total += weight;
    }
    const isScored = total > 0 && Object.keys(problems).length === 0;
    return { reward: isScored ? sum / total : undefined, parts: scores, problems };
  };
}

function outcomeOf(reward: () => ReturnType<AnyReward>, timeoutMs: number | undefined): Outcome | Promise<Outcome> {
  try {
    const score = reward();
    return isLater(score) ? later(score, timeoutMs) : checked(score);
  } catch (error) {
    return thrown(error);
  }
}

async function later(score: PromiseLike<number | undefined>, timeoutMs: number | undefined): Promise<Outcome> {
  const late = Promise.withResolvers<Outcome>();
  const message = `it took more than ${timeoutMs} ms`;
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => late.resolve({ problem: { reason: 'timedOut', message } }), timeoutMs);
  try {
    return await Promise.race([score.then(checked, thrown), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function checked(score: unknown): Outcome {
  if (score === undefined || Number.isFinite(score)) return { score: score as number | undefined };
  return { problem: { reason: 'notANumber', message: `it gave ${typeof score === 'string' ? `"${score}"` : score}` } };
}

const thrown = (error: unknown): Outcome => ({
  problem: { reason: 'threw', message: error instanceof Error ? error.message : String(error) },
});

const isLater = (score: unknown): score is PromiseLike<number | undefined> =>
  typeof score === 'object' && score !== null && 'then' in score && typeof score.then === 'function';
