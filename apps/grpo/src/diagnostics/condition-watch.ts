import type { Condition } from './conditions.ts';
import { nextTrend, noTrend, type StepNumbers, type Trend } from './trend.ts';

/** A condition that has just begun. */
export interface Finding {
  readonly name: string;
  readonly message: string;
}

/** What was seen of a run, to go on from. */
export interface WatchState {
  readonly trend: Trend;
  /** Conditions that were told and are not over. */
  readonly raised: readonly string[];
}

/** Watches the steps of a run; each condition is told once, and again only after it was over. */
export class ConditionWatch {
  readonly #conditions: readonly Condition[];
  readonly #raised: Set<string>;
  #trend: Trend;

  /** @param state - of a run that goes on. @default nothing was seen */
  constructor(conditions: readonly Condition[], { trend, raised }: WatchState = { trend: noTrend, raised: [] }) {
    this.#conditions = conditions;
    this.#trend = trend;
    this.#raised = new Set(raised);
  }

  get state(): WatchState {
    return { trend: this.#trend, raised: [...this.#raised] };
  }

  /** Conditions that hold since this step. */
  check(step: StepNumbers): readonly Finding[] {
    this.#trend = nextTrend(this.#trend, step);
    const trend = this.#trend;
    return this.#conditions.flatMap(({ name, isRaised, isOver, tell }) => {
      if (this.#raised.has(name)) {
        if (isOver(trend)) this.#raised.delete(name);
        return [];
      }
      if (!isRaised(trend)) return [];
      this.#raised.add(name);
      return [{ name, message: tell(trend) }];
    });
  }
}
