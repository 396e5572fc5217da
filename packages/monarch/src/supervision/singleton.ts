import type { Actor, ActorClass } from '../actor/actor.ts';
import { ActorError } from '../errors.ts';
import { extentOf } from '../mesh/extent.ts';
import type { ActorMesh } from '../mesh/handle.ts';
import { type AnyActorClass, checkClass } from '../process/actor-classes.ts';
import { program } from '../program/current-program.ts';

/**
 * The actor of this name: the only one in the program, in its root process. The first call anywhere spawns it, with its
 * arguments; every other gets a reference to it. It lives as long as the program. One that fails leaves the others
 * alone, and the next call spawns it anew.
 *
 * @throws {ActorClassError} when the root process could not find the class.
 * @throws {ActorError} when its constructor or setup throws.
 */
export async function singleton<T extends Actor, Args extends readonly unknown[]>(
  name: string,
  actor: ActorClass<T, Args>,
  ...args: Args
): Promise<ActorMesh<T, never>> {
  const { process, rootId } = program();
  const { module, name: className } = actor;
  // Arguments were checked against the constructor by this signature; from here on they are data.
  await checkClass(process, actor as unknown as AnyActorClass);
  const about = { mesh: name, point: extentOf<never>({}).point(0) };
  const payload = process.encode([name, { module, name: className }, args]);
  try {
    // The handle answers to exactly the endpoints of T.
    return (await process.ask(rootId, about, 'singleton', payload)) as ActorMesh<T, never>;
  } catch (error) {
    // What went wrong there is what is to be known here.
    throw error instanceof ActorError && error.endpoint === 'singleton' ? error.cause : error;
  }
}
