import type { Group } from '@forge/data';
import type { RejectedGroup, RejectReason } from './reject-reason.ts';

/** Groups that were sampled and are not trained on, until the step that tells of them. */
export class Rejects {
  #groups: RejectedGroup[] = [];

  add(group: Group, reason: RejectReason): void {
    this.#groups.push({ ...group, reason });
  }

  get waiting(): readonly RejectedGroup[] {
    return this.#groups;
  }

  /** Those since the last time, by number. */
  take(): readonly RejectedGroup[] {
    const taken = this.#groups.toSorted((a, b) => a.number - b.number);
    this.#groups = [];
    return taken;
  }
}
