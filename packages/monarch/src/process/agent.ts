import { whatBecameOf } from '../children/learn-loss.ts';
import { disjointMap } from '../collections/disjoint-map.ts';
import { DecodeError, MeshFailure } from '../errors.ts';
import { HOST_METHODS } from '../hosts/host-methods.ts';
import { BUFFER_METHODS } from '../memory/exports.ts';
import type { AgentMethod, AgentMethods, Asked } from './agent-method.ts';
import { type Construction, construct, type Restart, restart } from './construction.ts';
import type { LocalProcess } from './local-process.ts';
import type { ClassName, StandIn } from './stand-ins.ts';

function failureOf(value: unknown): MeshFailure {
  if (value instanceof MeshFailure) return value;
  throw new DecodeError('a failure is damaged.');
}

/** The life of an actor. The sender is SpawnedMesh. */
const ACTOR_METHODS = {
  // Sent by SpawnedMesh only, with these two. Typed here: for the compiler the name is first of all that of every object.
  constructor: async (process: LocalProcess, asked: Asked, [what, args]: readonly unknown[]) =>
    await construct(process, asked, what as Construction, args),
  // And with these three.
  restart: async (process, asked, [what, args, how]) =>
    await restart(process, asked, { what: what as Construction, args, how: how as Restart }),
  setup: async (process, _, [actor]) => await process.cells.get(Number(actor)).setup(),
  stop: async (process, _, [actor, reason]) => await process.cells.stop(Number(actor), String(reason)),
  bury: (process, _, [actor, failure]) => process.cells.bury(Number(actor), failureOf(failure)),
} satisfies AgentMethods;

/** What the owner of a process asks of it. The sender is StartedProcess. */
const CHILD_METHODS = {
  flushLogs: async ({ program }, _, [mark]) => await program.flushLogs(String(mark)),
  // Sent by StartedProcess only, with a list of them.
  standIns: async ({ program }, _, [list]) => await program.inheritStandIns(list as readonly StandIn[]),
  reserve: (process, _, [last]) => process.reserve(Number(last)),
  look: async ({ program }, _, [deadlineMs]) => await program.look(Number(deadlineMs)),
  leave: async (process, _, [reason]) => await process.leave(String(reason)),
} satisfies AgentMethods;

/** What any process asks of any other. */
const PEER_METHODS = {
  failed: (process, { point }, [mesh, failure]) => process.meshFailed(String(mesh), point.rank, failureOf(failure)),
  promised: async (process, _, [number]) => await process.promises.result(Number(number)),
  post: async (process, _, [port, isValue, value]) => await process.ports.take(Number(port), isValue === true, value),
  singleton: async ({ program }, _, [name, what, args]) => {
    if (!Array.isArray(args)) throw new DecodeError('the arguments of a constructor are no list.');
    // Sent by `singleton` only, with these three.
    return await program.singletons.get(String(name), what as ClassName, args);
  },
  lossOf: async (process, _, [id]) => await whatBecameOf(process, 'lossOf', String(id)),
  successorOf: async (process, _, [id]) => await whatBecameOf(process, 'successorOf', String(id)),
} satisfies AgentMethods;

/** A name under which something is asked of a process. */
export type AgentMethodName =
  | keyof typeof ACTOR_METHODS
  | keyof typeof CHILD_METHODS
  | keyof typeof PEER_METHODS
  | keyof typeof HOST_METHODS
  | keyof typeof BUFFER_METHODS;

/** What every process answers to, as actor 0. */
export const AGENT: ReadonlyMap<string, AgentMethod> = disjointMap<AgentMethod>(
  ACTOR_METHODS,
  CHILD_METHODS,
  PEER_METHODS,
  HOST_METHODS,
  BUFFER_METHODS,
);
