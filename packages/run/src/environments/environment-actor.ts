import {
  type Environment,
  type OpenEnvironment,
  type Reply,
  type Step,
  type Task,
  toolEnvironment,
} from '@forge/environments';
import { endpoint } from '@forge/monarch';
import { PythonSandbox } from '@forge/sandbox';
import { ForgeActor } from '@forge/service';
import type { EnvironmentConfig } from '../sections/environment.ts';
import { Watchdog } from '../watchdog/watchdog.ts';
import { loadOwnExports } from './own-exports.ts';
import { plainTools } from './plain-tools.ts';
import { pythonTool } from './python-tool.ts';

/** An episode that has begun. */
export interface RemoteOpening {
  /** Names the episode in further calls. */
  readonly episode: number;
  readonly opening: Awaited<ReturnType<Environment['reset']>>;
  readonly maxTurns?: number;
}

/** Memory of one process, beyond which it ends itself. */
const MAX_MEMORY_BYTES = 2 ** 31;

/**
 * Plays environments that have effects, in a process of its own: what blocks it, or takes too much memory, ends that process
 * and the episodes in it, and nothing else.
 */
export class EnvironmentActor extends ForgeActor {
  static readonly module: string = import.meta.url;
  readonly #config: EnvironmentConfig;
  readonly #episodes = new Map<number, Environment>();
  #numEpisodes = 0;
  #environments: Readonly<Record<string, OpenEnvironment>> = {};
  #withTools: OpenEnvironment | undefined;
  #sandbox: PythonSandbox | undefined;
  #watchdog: Watchdog | undefined;

  constructor(config: EnvironmentConfig) {
    super();
    this.#config = config;
  }

  override async setup(): Promise<void> {
    const { module, tools: names, maxToolCalls, timeoutMs } = this.#config;
    const own = module === undefined ? undefined : await loadOwnExports(module);
    if (names.includes('python')) this.#sandbox = await PythonSandbox.open({ processes: 2, timeoutMs });
    const known = [
      ...(own?.tools ?? []),
      ...(this.#sandbox ? [pythonTool(this.#sandbox)] : []),
      ...(await plainTools(this.#config)),
    ];
    const tools = names.flatMap((name) => known.find((tool) => tool.name === name) ?? []);
    this.#environments = own?.environments ?? {};
    this.#withTools = toolEnvironment(tools, { maxToolCalls, timeoutMs });
    this.#watchdog = new Watchdog({ timeoutMs, memoryBytes: MAX_MEMORY_BYTES });
  }

  override async cleanup(): Promise<void> {
    await Promise.allSettled([...this.#episodes.values()].map((environment) => environment[Symbol.asyncDispose]?.()));
    await this.#sandbox?.[Symbol.asyncDispose]();
    await this.#watchdog?.[Symbol.asyncDispose]();
  }

  /** Begins an episode in an environment of the module; without a name in the one with the tools. */
  readonly open = endpoint(
    async (name: string | undefined, task: Task): Promise<RemoteOpening> => {
      const open = name === undefined ? this.#withTools : this.#environments[name];
      if (open === undefined) throw new RangeError(`environment.module exports no environment ${name}.`);
      return await this.#watch(async () => {
        const environment = await open();
        const opening = await environment.reset(task);
        const episode = this.#numEpisodes++;
        this.#episodes.set(episode, environment);
        const { maxTurns } = environment;
        return { episode, opening, ...(maxTurns !== undefined && { maxTurns }) };
      });
    },
    { concurrency: Number.POSITIVE_INFINITY },
  );

  readonly step = endpoint(
    async (episode: number, reply: Reply): Promise<Step> =>
      await this.#watch(async () => await this.#of(episode).step(reply)),
    { concurrency: Number.POSITIVE_INFINITY },
  );

  readonly end = endpoint(
    async (episode: number): Promise<void> => {
      const environment = this.#of(episode);
      this.#episodes.delete(episode);
      await this.#watch(async () => await environment[Symbol.asyncDispose]?.());
    },
    { concurrency: Number.POSITIVE_INFINITY },
  );

  /** A sign of life. */
  readonly ping = endpoint(() => {}, { concurrency: Number.POSITIVE_INFINITY, idempotent: true });

  #of(episode: number): Environment {
    const environment = this.#episodes.get(episode);
    if (environment === undefined) throw new RangeError(`There is no episode ${episode} here.`);
    return environment;
  }

  /** An actor is set up before its first message. */
  #watch<T>(work: () => Promise<T>): Promise<T> {
    return this.#watchdog!.watch(work);
  }
}
