import { RollingUpdateError } from '../errors.ts';
import type { Fleet, Prepare } from './fleet.ts';

/** How replicas are replaced. */
export interface RollingUpdateOptions {
  /**
   * Replicas that may be started beside those that they replace, so that so many are replaced at a time. With 0 each
   * ends before its replacement starts, as it must where there are no GPUs to spare. @default 1
   */
  readonly surge?: number;
  /** Time for the requests and sessions of a replica to end before it does. @default 20_000 */
  readonly graceMs?: number;
}

/** What a rolling update is made of. */
export interface RollingUpdateSteps extends Required<RollingUpdateOptions> {
  readonly name: string;
  readonly next: Prepare;
}

/**
 * Replaces all replicas, one after the other, until none of before is left. The first that does not start ends it: what was not replaced by then
 * stays.
 *
 * @throws {RollingUpdateError} when one did not start.
 */
export async function rollingUpdate(fleet: Fleet, { name, next, surge, graceMs }: RollingUpdateSteps): Promise<void> {
  const all = [...fleet.replicas];
  const waiting = [...fleet.members];
  const total = waiting.length;
  const before = fleet.prepareWith(next);
  let replaced = 0;
  let failure: { readonly replica: number; readonly cause: unknown } | undefined;
  const replaceOneByOne = async () => {
    for (let old = waiting.shift(); old && !failure; old = waiting.shift()) {
      // Somebody else may have drained it.
      if (!fleet.members.includes(old)) continue;
      try {
        if (surge > 0) await fleet.surge(old, next, graceMs);
        else await fleet.swap(old, next, before, graceMs);
        replaced++;
      } catch (cause) {
        failure ??= { replica: old.index, cause };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, surge) }, replaceOneByOne));
  if (failure) {
    fleet.prepareWith(before);
    throw new RollingUpdateError(name, { ...failure, replaced, total });
  }
  // Others may drain for another reason, and serve their sessions until then.
  await Promise.all(all.map(async ({ ended }) => await ended));
}
