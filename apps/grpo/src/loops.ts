import type { FrozenModel } from './frozen/frozen-model.ts';
import type { Pacing } from './pacing.ts';
import type { Curriculum } from './rollouts/curriculum.ts';
import type { Rejects } from './rollouts/rejects.ts';

/** What the two loops share, beside the parts of the run. */
export interface Loops {
  readonly pacing: Pacing;
  readonly rejects: Rejects;
  readonly curriculum: Curriculum;
  /** What the KL term refers to. */
  readonly reference: FrozenModel | undefined;
  readonly teacher: FrozenModel | undefined;
}
