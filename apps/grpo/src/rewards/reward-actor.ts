import { endpoint } from '@forge/monarch';
import { drainMetrics, type Metrics, watchEventLoop } from '@forge/observability';
import { type Answer, type Score, Watchdog } from '@forge/run';
import { ForgeActor } from '@forge/service';
import type { RewardConfig } from '../config/reward.ts';
import { answerScorer, type ScoreAnswer } from './score-answer.ts';

/**
 * Scores completions in a process of its own, which ends itself when a function is stuck in it or takes too much memory.
 *
 * Source: TorchForge `apps/grpo/main.py`, `RewardActor`.
 */
export class RewardActor extends ForgeActor {
  static readonly module: string = import.meta.url;
  readonly #config: RewardConfig;
  readonly #maxTokens: number;
  readonly #stops: (() => Promise<void>)[] = [];
  #score: ScoreAnswer | undefined;
  #watchdog: Watchdog | undefined;
  #eventLoop: Disposable | undefined;

  /** @param maxTokens - of one completion. */
  constructor(config: RewardConfig, maxTokens: number) {
    super();
    this.#config = config;
    this.#maxTokens = maxTokens;
  }

  override async setup(): Promise<void> {
    this.#score = await answerScorer(this.#config, {
      maxTokens: this.#maxTokens,
      onEnd: (stop) => this.#stops.push(stop),
    });
    this.#eventLoop = watchEventLoop('rewards_perf');
    const { timeoutMs, memoryMiB } = this.#config;
    this.#watchdog = new Watchdog({ timeoutMs, memoryBytes: memoryMiB * 2 ** 20 });
  }

  override async cleanup(): Promise<void> {
    this.#eventLoop?.[Symbol.dispose]();
    await Promise.all(this.#stops.map((stop) => stop()));
    await this.#watchdog?.[Symbol.asyncDispose]();
  }

  /**
   * The scores of answers, all of them at the same time as far as their functions wait for something.
   *
   * @param only - the function to score by. @default all
   */
  readonly evaluate = endpoint(
    async (answers: readonly Answer[], only?: string): Promise<readonly Score[]> => {
      // An actor is set up before its first message.
      const [score, watchdog] = [this.#score!, this.#watchdog!];
      return await watchdog.watch(() =>
        Promise.all(
          answers.map((answer) => {
            watchdog.beat();
            return score(answer, only);
          }),
        ),
      );
    },
    // Scoring has no effects: it may run again elsewhere.
    { idempotent: true },
  );

  /** A sign of life, between two answers at the latest. */
  readonly ping = endpoint(() => {}, { concurrency: Number.POSITIVE_INFINITY, idempotent: true });

  /** What was recorded in this process since the last time. */
  readonly drainMetrics = endpoint((): Metrics => drainMetrics(), { concurrency: Number.POSITIVE_INFINITY });
}
