import type { Actor, ActorClass } from '../actor/actor.ts';
import type { endpointBrand } from '../actor/endpoint.ts';
import { checkClass } from '../process/actor-classes.ts';
import { currentOwner, program } from '../program/current-program.ts';

type EndpointKeys<T> = { [K in keyof T]-?: T[K] extends { readonly [endpointBrand]: string } ? K : never }[keyof T];

/**
 * From now on spawning `real` makes actors of `mock`: here, and in all processes started from here, also by actors.
 * Actors that run stay what they are. Disposing it brings `real` back, or the mock that there was before.
 *
 * @throws {OwnershipError} in a child process, outside of its actors.
 * @throws {ActorClassError} when other processes could not find `mock`.
 */
export async function mockActor<
  T extends Actor,
  Args extends readonly unknown[],
  M extends Actor & Pick<T, EndpointKeys<T>>,
>(real: ActorClass<T, Args>, mock: ActorClass<M, Args>): Promise<AsyncDisposable> {
  const here = program();
  // In a child process, outside of its actors, the module of the mock is not there yet.
  currentOwner('mockActor');
  // Only called with what `real` is called with.
  await checkClass(here.process, mock as unknown as ActorClass<Actor, readonly unknown[]>);
  const remove = here.process.standIns.add({
    real: { module: real.module, name: real.name },
    mock: { module: mock.module, name: mock.name },
  });
  await here.announceStandIns();
  return {
    [Symbol.asyncDispose]: async () => {
      remove();
      await here.announceStandIns();
    },
  };
}
