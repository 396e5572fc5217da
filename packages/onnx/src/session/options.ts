import { availableParallelism } from 'node:os';
import type { SessionOptions } from './session.ts';

/** Session options with every default filled in. */
export type ResolvedOptions = Required<Omit<SessionOptions, 'runtime' | 'onProfile' | 'initializers'>> & {
  /** Path of the profile to write, without its ending. */
  readonly profilePrefix: string | undefined;
};

/** Fills in the defaults. @throws {RangeError} when `threads` is not a whole number of at least 1. */
export function resolveOptions(
  {
    threads = availableParallelism(),
    spinning = false,
    device = 'cpu',
    graphOptimization = 'all',
    disabledOptimizers = [],
    copyInitializers = false,
  }: SessionOptions,
  profilePrefix?: string,
): ResolvedOptions {
  if (!Number.isSafeInteger(threads) || threads < 1) {
    throw new RangeError(`A session cannot use ${threads} threads: give a whole number of at least 1.`);
  }
  return { threads, spinning, device, graphOptimization, disabledOptimizers, copyInitializers, profilePrefix };
}
