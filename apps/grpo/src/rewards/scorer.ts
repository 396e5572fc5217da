import { MeshFailure } from '@forge/monarch';
import { type Answer, type Score, SIGNAL_OF, type Unscored } from '@forge/run';

/** Asks a process to score answers, one call at a time in each. */
export type Evaluate = (answers: readonly Answer[], options: EvaluateOptions) => Promise<readonly Score[]>;

export interface EvaluateOptions {
  readonly signal?: AbortSignal | undefined;
  /** Scores by this function alone. @default by all */
  readonly only?: string;
}

/** Scores answers, whatever becomes of the processes. */
export type ScoreAnswers = (answers: readonly Answer[], signal?: AbortSignal) => Promise<readonly Score[]>;

/** What each end of a process says about the answer that it scored alone. */
const REASONS: Readonly<Record<string, Pick<Unscored, 'reason' | 'message'>>> = {
  [SIGNAL_OF.timedOut]: { reason: 'timedOut', message: 'it is stuck, and its process was killed' },
  [SIGNAL_OF.outOfMemory]: { reason: 'outOfMemory', message: 'it takes too much memory, and its process was killed' },
};

/**
 * Scores answers together, and where that ends a process, or takes too long, each of them again alone, by one function after the
 * other: so the answer and the function are found that did it, and no other answer goes without a score.
 *
 * @param functions - the names of those that score.
 * @throws what `evaluate` throws for any other reason.
 */
export function scorer(evaluate: Evaluate, functions: readonly string[]): ScoreAnswers {
  /** The score of an answer, or how it ended the process. */
  const attempt = async (answer: Answer, options: EvaluateOptions): Promise<Score | MeshFailure> => {
    try {
      const [score] = await evaluate([answer], options);
      return score!; // one an answer
    } catch (error) {
      const loss = lossOf(error);
      if (loss === undefined) throw error;
      return loss;
    }
  };
  const alone = async (answer: Answer, signal: AbortSignal | undefined): Promise<Score> => {
    for (const only of functions) {
      const tried = await attempt(answer, { signal, only });
      if (tried instanceof MeshFailure) return lost(only, tried);
      if (tried.unscored?.reason === 'timedOut') return tried;
    }
    const score = await attempt(answer, { signal });
    return score instanceof MeshFailure ? lost('any', score) : score;
  };
  return async (answers, signal) => {
    const scores = await evaluate(answers, { signal }).catch((error: unknown) => {
      if (lossOf(error) === undefined) throw error;
      return undefined;
    });
    const isSure = (score: Score | undefined): score is Score =>
      score !== undefined && (answers.length === 1 || score.unscored?.reason !== 'timedOut');
    return await Promise.all(
      answers.map((answer, i) => {
        const score = scores?.[i];
        return isSure(score) ? score : alone(answer, signal);
      }),
    );
  };
}

/** A process ended itself because of what it scored, which is told where that is. */
export const isOwnEnd = (cause: unknown): boolean =>
  cause instanceof MeshFailure && (cause.process?.signal ?? '') in REASONS;

/** How the process ended that served a call, if that is why it failed. */
function lossOf(error: unknown): MeshFailure | undefined {
  if (!(error instanceof Error && 'code' in error && error.code === 'ERR_SERVICE_REPLICA_FAILED')) return undefined;
  return error.cause instanceof MeshFailure ? error.cause : undefined;
}

function lost(name: string, { process, problem }: MeshFailure): Score {
  const known = REASONS[process?.signal ?? ''];
  const unscored = { function: name, ...(known ?? ({ reason: 'died', message: problem } as const)) };
  return { reward: undefined, rewards: {}, isRight: false, unscored };
}
