import type { Answer, Score } from '@forge/run';
import type { ServiceEvent } from '@forge/service';
import type { Config } from '../config/config.ts';
import { RewardActor } from './reward-actor.ts';
import { scoringFunctions } from './score-answer.ts';
import { isOwnEnd, scorer } from './scorer.ts';
import { UnscoredLog } from './unscored-log.ts';

/** What is told of the rewards. */
export interface RewardsTold {
  /** Answers without a score. */
  readonly note: (line: string) => void;
  readonly onEvent?: (event: ServiceEvent) => void;
}

/** Starts the processes that score, as the configuration says. */
export async function startRewards(
  { reward, generator }: Pick<Config, 'reward' | 'generator'>,
  { note, onEvent }: RewardsTold,
) {
  const rewards = await RewardActor.options({
    meshName: 'rewards',
    numReplicas: reward.replicas,
    // An answer that may end its process is alone there, and is not tried again and again.
    replicaMaxConcurrentRequests: 1,
    retry: { maxAttempts: 1 },
    restart: { maxRestarts: Number.POSITIVE_INFINITY, maxDelayMs: 200 },
    waitForHealthyMs: 60_000,
    // Who asks waits for what was asked before: nothing is turned away.
    maxQueuedRequests: Number.MAX_SAFE_INTEGER,
    onEvent: (event) => {
      // The end of a process that ended itself is told with the answer it scored.
      onEvent?.(event.type === 'replicaStateChanged' && isOwnEnd(event.cause) ? { ...event, cause: undefined } : event);
    },
  }).asService(reward, generator.maxTokens);
  const unscored = new UnscoredLog(note);
  const evaluate = scorer(
    (answers, { signal, only }) => rewards.evaluate.with(signal ? { signal } : {}).route(answers, only),
    scoringFunctions(reward),
  );
  /** Scores answers; those without a score are counted and told. */
  const score = async (answers: readonly Answer[], signal?: AbortSignal): Promise<readonly Score[]> => {
    const scores = await evaluate(answers, signal);
    unscored.add(scores);
    return scores;
  };
  return { rewards, score, unscored };
}
