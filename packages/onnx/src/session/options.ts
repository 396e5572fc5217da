import { availableParallelism } from 'node:os';
import type { GraphOptimization, SessionOptions } from './session.ts';

/** Session options with every default filled in. */
export type ResolvedOptions = Required<
  Omit<SessionOptions, 'runtime' | 'onProfile' | 'initializers' | 'onInitializerReturned'>
> & {
  /** Called with the name of a constant that is not read any more. */
  readonly onReturned: (name: string) => void;
  /** Path of the profile to write, without its ending. */
  readonly profilePrefix: string | undefined;
};

/** Every member of GraphOptimization. */
const graphOptimizations = [
  'none',
  'basic',
  'extended',
  'layout',
  'all',
] as const satisfies readonly GraphOptimization[];

/** Fills in the defaults. @throws {RangeError} when an option is out of its range, which types do not forbid to JSON. */
export function resolveOptions(
  {
    threads = availableParallelism(),
    spinning = 'briefly',
    device = 'cpu',
    graphOptimization = 'all',
    disabledOptimizers = [],
    initializers = {},
    onInitializerReturned,
  }: SessionOptions,
  profilePrefix?: string,
): ResolvedOptions {
  if (!Number.isSafeInteger(threads) || threads < 1) {
    throw new RangeError(`A session cannot use ${threads} threads: give a whole number of at least 1.`);
  }
  if (!graphOptimizations.includes(graphOptimization)) {
    throw new RangeError(`graphOptimization is '${graphOptimization}': give one of ${graphOptimizations.join(', ')}.`);
  }
  const names = new Set(Object.keys(initializers)); // the tensors themselves are not held
  return {
    threads,
    spinning,
    device,
    graphOptimization,
    disabledOptimizers,
    profilePrefix,
    onReturned: (name) => {
      if (names.has(name)) onInitializerReturned?.(name);
    },
  };
}

/** The configuration entries under `session.intra_op.` for threads that wait for work; durations are in microseconds. */
export function spinEntries({ spinning }: Pick<ResolvedOptions, 'spinning'>): Readonly<Record<string, string>> {
  return { allow_spinning: spinning === false ? '0' : '1', spin_duration_us: spinning === true ? '1000' : '100' };
}
