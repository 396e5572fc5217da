import { endpoint } from '@forge/monarch';
import { mathReward, type Reward, thinkingReward } from '@forge/rewards';
import { ForgeActor } from '@forge/service';

/** The rewards that a configuration can name. */
const rewards = {
  math: mathReward(),
  thinking: thinkingReward(),
} satisfies Record<string, Reward>;

export type RewardName = keyof typeof rewards;

/** What is to be scored. */
export interface Answer {
  readonly prompt: string;
  readonly completion: string;
  readonly target: string;
  /** The token limit ended it: it earns nothing, or a model that never ends would be as good as one that does. */
  readonly isTruncated: boolean;
}

/** The reward of one answer: the mean of its parts, as TorchForge's RewardActor averages them. */
export interface Score {
  readonly reward: number;
  readonly rewards: Readonly<Record<string, number>>;
  /** The answer is the target, whatever earns rewards. */
  readonly isRight: boolean;
}

/** Scores completions in a process of its own. */
export class RewardActor extends ForgeActor {
  static readonly module: string = import.meta.url;
  readonly #names: readonly RewardName[];

  constructor(names: readonly RewardName[]) {
    super();
    this.#names = names;
  }

  readonly evaluate = endpoint(
    (answers: readonly Answer[]): readonly Score[] =>
      answers.map((answer) => {
        const parts = Object.fromEntries(this.#names.map((name) => [name, rewards[name](answer)]));
        const values = Object.values(parts);
        const reward = answer.isTruncated ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
        return { reward, rewards: parts, isRight: !answer.isTruncated && rewards.math(answer) === 1 };
      }),
    // Scoring has no effects: a call that was lost with its process may run again elsewhere.
    { idempotent: true },
  );
}
