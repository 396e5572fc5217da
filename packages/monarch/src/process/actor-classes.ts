import type { Actor, ActorClass } from '../actor/actor.ts';
import { ActorClassError } from '../errors.ts';
import type { Platform } from '../program/platform.ts';
import type { LocalProcess } from './local-process.ts';
import type { ClassName } from './stand-ins.ts';

/** Any actor class. */
export type AnyActorClass = ActorClass<Actor, readonly unknown[]>;

/** A class that was spawned from here, or is imported. @throws {ActorClassError} */
export async function findClass(process: LocalProcess, { module, name }: ClassName): Promise<AnyActorClass> {
  const known = process.classes.get(`${module}#${name}`);
  if (known !== undefined) return known;
  // An import would wait for the end of the program, which may wait for this.
  if (module === process.platform.main) {
    throw new ActorClassError(name, 'its module is the program itself. Spawn it there first, or move the class.');
  }
  return await importClass(process.platform, module, name);
}

/** Imports an actor class. @throws {ActorClassError} when its module does not export it under its own name. */
async function importClass(platform: Platform, module: string, className: string): Promise<AnyActorClass> {
  const exported: unknown = await platform.importModule(module).then(
    (namespace) => Reflect.get(namespace, className),
    (cause) => {
      throw new ActorClassError(className, `its module ${module} cannot be imported.`, { cause });
    },
  );
  const isActor = typeof exported === 'function' && Reflect.get(exported, 'module') === module;
  if (!isActor) throw new ActorClassError(className, `${module} does not export it under its own name.`);
  // `module` was checked; that it extends Actor is the type of `spawn`.
  return exported as unknown as AnyActorClass;
}

/** Checks a class before anything is started, and knows it from then on. @throws {ActorClassError} */
export async function checkClass(process: LocalProcess, type: AnyActorClass): Promise<void> {
  const { name, module } = type;
  if (typeof module !== 'string' || module === '') {
    throw new ActorClassError(name || 'without a name', 'give it `static readonly module: string = import.meta.url`.');
  }
  if (name === '') throw new ActorClassError('without a name', 'export it from its module under a name.');
  // The running program cannot be imported again before it has run to its end.
  if (module !== process.platform.main) await importClass(process.platform, module, name);
  process.classes.set(`${module}#${name}`, type);
}

/** The class that is spawned for `type`: itself, or its stand-in. @throws {ActorClassError} */
export async function classToSpawn(process: LocalProcess, type: AnyActorClass): Promise<AnyActorClass> {
  const name = process.standIns.for(type);
  const actual = name === type ? type : await findClass(process, name);
  await checkClass(process, actual);
  return actual;
}
