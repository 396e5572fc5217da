import type { Environment, Reply, Task } from '@forge/environments';
import type { Service } from '@forge/service';
import type { EnvironmentActor } from './environment-actor.ts';

/** An environment in another process, on which its episode stays; it is lost with that. */
export async function openRemote(
  service: Pick<Service<EnvironmentActor>, 'session'>,
  name: string | undefined,
  { beginMs, stepMs }: { readonly beginMs: number; readonly stepMs: number },
): Promise<Environment> {
  const session = await service.session({ whenLost: 'fail' });
  let episode: number | undefined;
  let maxTurns: number | undefined;
  return {
    get maxTurns() {
      return maxTurns ?? Number.POSITIVE_INFINITY;
    },
    async reset(task: Task) {
      const begun = await session.open.with({ timeoutMs: beginMs }).route(name, task);
      episode = begun.episode;
      maxTurns = begun.maxTurns;
      return begun.opening;
    },
    async step(reply: Reply) {
      if (episode === undefined) throw new TypeError('An episode begins with reset.');
      return await session.step.with({ timeoutMs: stepMs }).route(episode, reply);
    },
    async [Symbol.asyncDispose]() {
      // What a process that is gone had open is closed.
      if (episode !== undefined)
        await session.end
          .with({ timeoutMs: stepMs })
          .route(episode)
          .catch(() => undefined);
      await session.close();
    },
  };
}
