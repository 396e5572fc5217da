import type { Condition } from './conditions.ts';
import { nextTrend, noTrend, type StepNumbers, type Trend } from './trend.ts';

/** A condition that has just begun. */
export interface Finding {
  readonly name: string;
  readonly message: string;
}

/** Watches the steps of a run; each condition is told once, and again only after it was over. */
export class ConditionWatch {
  readonly #conditions: readonly Condition[];
  readonly #raised = new Set<string>();
  #trend: Trend = noTrend;

  constructor(conditions: readonly Condition[]) {
    this.#conditions = conditions;
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
