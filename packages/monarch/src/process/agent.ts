import type { Actor, ActorClass } from '../actor/actor.ts';
import { endpointBrand, endpointOptions } from '../actor/endpoint.ts';
import { whatBecameOf } from '../children/learn-loss.ts';
import { ActorClassError, DecodeError, MeshFailure } from '../errors.ts';
import { HOST_METHODS } from '../hosts/host-methods.ts';
import { BUFFER_METHODS } from '../memory/exports.ts';
import type { Point } from '../mesh/extent.ts';
import { RESERVED_NAMES } from '../mesh/handle.ts';
import type { Platform } from '../program/platform.ts';
import type { EndpointCard } from '../references/mesh-reference.ts';
import { Cell } from './cell.ts';
import type { LocalProcess } from './local-process.ts';
import type { ClassName, StandIn } from './stand-ins.ts';

/** What to construct, for every rank of a mesh. */
export interface Construction {
  readonly mesh: string;
  readonly name: string;
  readonly module: string;
  readonly className: string;
  /** See CellSpec. */
  readonly isRestartable: boolean;
}

/** Which actor a new one takes the place of. */
export interface Restart {
  readonly actor: number;
  readonly generation: number;
}

/** What came of it. */
export interface Constructed {
  readonly actor: number;
  readonly endpoints: Readonly<Record<string, EndpointCard>>;
  /** Methods that are none. */
  readonly methods: readonly string[];
}

/** Any actor class. */
export type AnyActorClass = ActorClass<Actor, readonly unknown[]>;

/** Who asks a process for something, and about whom. */
export interface Asked {
  /** The process that asks. */
  readonly from: string;
  /** The actor that it is about. */
  readonly point: Point<string>;
}

/** One thing a process does for others. */
export type AgentMethod = (process: LocalProcess, asked: Asked, args: readonly unknown[]) => unknown;

/** What every process answers to, as actor 0. The senders are in spawned-mesh.ts and child-process.ts. */
export const AGENT: ReadonlyMap<string, AgentMethod> = new Map<string, AgentMethod>([
  // Sent by SpawnedMesh only, with these two.
  ['constructor', async (process, asked, [what, args]) => await construct(process, asked, what as Construction, args)],
  // And with these three.
  [
    'restart',
    async (process, asked, [what, args, how]) =>
      await restart(process, asked, { what: what as Construction, args, how: how as Restart }),
  ],
  [
    'bury',
    (process, _, [actor, failure]) => {
      if (!(failure instanceof MeshFailure)) throw new DecodeError('a failure is damaged.');
      process.bury(Number(actor), failure);
    },
  ],
  ['promised', async (process, _, [number]) => await process.promises.result(Number(number))],
  [
    'post',
    async (process, _, [port, isValue, value]) => await process.ports.take(Number(port), isValue === true, value),
  ],
  ['setup', async (process, _, [actor]) => await process.cell(Number(actor)).setup()],
  ['stop', async (process, _, [actor, reason]) => await process.stopCell(Number(actor), String(reason))],
  [
    'failed',
    (process, { point }, [mesh, failure]) => {
      if (!(failure instanceof MeshFailure)) throw new DecodeError('a failure is damaged.');
      process.meshFailed(String(mesh), point.rank, failure);
    },
  ],
  ['flushLogs', async (process, _, [mark]) => await process.program.flushLogs(String(mark))],
  // Sent by Children only, with a list of them.
  ['standIns', async (process, _, [list]) => await process.program.inheritStandIns(list as readonly StandIn[])],
  ...HOST_METHODS,
  ...BUFFER_METHODS,
  ['look', async (process, _, [deadlineMs]) => await process.program.look(Number(deadlineMs))],
  ['reserve', (process, _, [last]) => process.reserve(Number(last))],
  [
    'singleton',
    async ({ program }, _, [name, what, args]) => {
      if (!Array.isArray(args)) throw new DecodeError('the arguments of a constructor are no list.');
      // Sent by `singleton` only, with these three.
      return await program.singletons.get(String(name), what as ClassName, args);
    },
  ],
  ['lossOf', async (process, _, [id]) => await whatBecameOf(process, 'lossOf', String(id))],
  ['successorOf', async (process, _, [id]) => await whatBecameOf(process, 'successorOf', String(id))],
  ['leave', async (process, _, [reason]) => await process.leave(String(reason))],
]);

async function construct(process: LocalProcess, asked: Asked, what: Construction, args: unknown): Promise<Constructed> {
  const cell = await makeCell(process, asked, { what, args, as: { actor: process.count(), generation: 0 } });
  const endpoints: Record<string, EndpointCard> = {};
  for (const [endpoint, method] of cell.endpoints) {
    if (RESERVED_NAMES.has(endpoint)) {
      const problem = `its endpoint '${endpoint}' hides a builtin of every mesh. Rename it.`;
      throw new ActorClassError(what.className, problem);
    }
    endpoints[endpoint] = { kind: method[endpointBrand], ...method[endpointOptions] };
  }
  process.addCell(cell);
  return { actor: cell.actor, endpoints, methods: cell.plainMethods };
}

/** Makes an actor in the place of one that failed, or was lost with its process; what waits for it follows. */
async function restart(
  process: LocalProcess,
  asked: Asked,
  { what, args, how }: { what: Construction; args: unknown; how: Restart },
): Promise<void> {
  // The one before may still be cleaning up.
  await process.vacate(how.actor);
  const cell = await makeCell(process, asked, { what, args, as: how });
  try {
    await cell.setup();
  } catch (error) {
    await cell.stop('its setup failed.');
    throw error;
  }
  process.addCell(cell);
}

async function makeCell(
  process: LocalProcess,
  { from, point }: Asked,
  { what, args, as }: { what: Construction; args: unknown; as: Restart },
): Promise<Cell> {
  const { mesh, name, module, className, isRestartable } = what;
  if (!Array.isArray(args)) throw new DecodeError('the arguments of a constructor are no list.');
  const type = await findClass(process, { module, name: className });
  return new Cell(process, { mesh, name, point, owner: from, isRestartable, ...as }, type, args);
}

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
