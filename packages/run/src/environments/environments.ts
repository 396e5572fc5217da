import { environments as builtIn, type OpenEnvironment, type Task, toolEnvironment } from '@forge/environments';
import type { Service, ServiceEvent } from '@forge/service';
import type { EnvironmentConfig } from '../sections/environment.ts';
import { EnvironmentActor } from './environment-actor.ts';
import { plainTools } from './plain-tools.ts';
import { openRemote } from './remote-environment.ts';
import { isToolName } from './tool-names.ts';

/** The environments of a run. */
export interface Environments extends AsyncDisposable {
  /** How an episode of a task begins; nothing for a task whose answer is all there is. */
  of(task: Task): OpenEnvironment | undefined;
  /** The service that plays those with effects, where a run has such. */
  readonly service: Service<EnvironmentActor> | undefined;
}

/** A process that was lost may take so long to be there again. */
const RESTART_MS = 60_000;

/** What takes longer to begin does not. */
export const beginTimeoutMs = ({ timeoutMs }: EnvironmentConfig): number => RESTART_MS + timeoutMs;

/** What takes longer in a step than all calls of tools together has come to nothing. */
export const stepTimeoutMs = ({ timeoutMs, maxToolCalls }: EnvironmentConfig): number => timeoutMs * (maxToolCalls + 1);

/**
 * Those without effects are played where the rollouts are: a step of theirs takes less time than a message. `python`, and what
 * is of a module of one's own, may block, crash or take all memory, and has processes of its own.
 */
export async function startEnvironments(
  config: EnvironmentConfig,
  options: { readonly maxQueuedRequests: number; readonly onEvent: (event: ServiceEvent) => void },
): Promise<Environments> {
  const { name: standard, module, tools, maxToolCalls, timeoutMs, replicas } = config;
  const hasEffects = module !== undefined || tools.includes('python');
  const service = hasEffects
    ? await EnvironmentActor.options({
        meshName: 'environments',
        numReplicas: replicas,
        replicaMaxConcurrentRequests: 512,
        restart: { maxRestarts: Number.POSITIVE_INFINITY, maxDelayMs: 1_000 },
        waitForHealthyMs: RESTART_MS,
        ...options,
      }).asService(config)
    : undefined;
  const remote = (name: string | undefined): OpenEnvironment | undefined =>
    service && (() => openRemote(service, name, { beginMs: beginTimeoutMs(config), stepMs: stepTimeoutMs(config) }));
  const isPlain = tools.every((tool) => isToolName(tool) && tool !== 'python');
  const withTools = isPlain
    ? toolEnvironment(await plainTools(config), { maxToolCalls, timeoutMs })
    : remote(undefined);
  return {
    service,
    of: ({ environment: name = standard }) => {
      if (name === undefined) return tools.length > 0 ? withTools : undefined;
      const open = Object.hasOwn(builtIn, name) ? builtIn[name] : remote(name);
      if (open === undefined) throw new RangeError(unknownEnvironment(name));
      return open;
    },
    [Symbol.asyncDispose]: async () => {
      await service?.[Symbol.asyncDispose]();
    },
  };
}

function unknownEnvironment(name: string): string {
  const known = Object.keys(builtIn).join(', ');
  return `A task names the environment ${JSON.stringify(name)}. There are ${known}, and those of environment.module.`;
}
