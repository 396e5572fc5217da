import type { Environment, OpenEnvironment, Opening } from './environment.ts';
import { EpisodeError } from './errors.ts';
import type { Task } from './task.ts';
import { within } from './within.ts';

/** Episodes of one task, each in an environment of its own, that begin alike. Disposing them disposes of the environments. */
export interface BegunEpisodes extends AsyncDisposable {
  readonly opening: Opening;
  readonly environments: readonly Environment[];
  /** Turns that each can have at most. */
  readonly maxTurns: number;
}

/**
 * Begins a task `n` times.
 *
 * @param timeoutMs - for an environment to open and begin.
 * @throws {EpisodeError} when an environment throws, takes too long, or does not begin as the others do; none is left open.
 */
export async function beginEpisodes(
  open: OpenEnvironment,
  task: Task,
  { n, timeoutMs }: { readonly n: number; readonly timeoutMs: number },
): Promise<BegunEpisodes> {
  const environments: Environment[] = [];
  const close = async () => {
    await Promise.allSettled(environments.map(async (environment) => await environment[Symbol.asyncDispose]?.()));
  };
  const begin = () =>
    within(timeoutMs, async () => {
      const environment = await open();
      environments.push(environment);
      return { environment, opening: await environment.reset(task) };
    });
  try {
    const begun = await Promise.all(Array.from({ length: n }, begin));
    const [first] = begun;
    if (first === undefined) throw new RangeError(`n is ${n}; at least one episode is needed.`);
    const { opening } = first;
    const different = begun.find((each) => JSON.stringify(each.opening) !== JSON.stringify(opening));
    if (different !== undefined)
      throw new RangeError('It does not begin alike each time: all answers need one prompt.');
    const maxTurns = Math.min(...begun.map(({ environment }) => environment.maxTurns ?? Number.POSITIVE_INFINITY));
    return {
      opening,
      environments: begun.map(({ environment }) => environment),
      maxTurns,
      [Symbol.asyncDispose]: close,
    };
  } catch (cause) {
    await close();
    throw new EpisodeError(task, cause);
  }
}
