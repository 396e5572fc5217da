import { AsyncLocalStorage } from 'node:async_hooks';
import { OwnershipError } from '../errors.ts';
import type { Point } from '../mesh/extent.ts';
import type { HostMesh } from '../mesh/host-mesh.ts';
import type { ProcMesh } from '../mesh/proc-mesh.ts';
import type { IncomingCall } from '../process/incoming-call.ts';
import type { Program } from '../program/program.ts';
import type { Owner } from '../supervision/owner.ts';

/** What an actor knows about itself and the message it handles. */
export interface Context {
  /** Position within the slice that was messaged; in `setup` and `cleanup`, within the mesh that was spawned. */
  readonly point: Point<string>;
  /** How often this actor was restarted: 0 for the one that was spawned. */
  readonly generation: number;
  /** The process this actor runs in. */
  readonly procs: ProcMesh<never>;
  /** The machine this actor runs on. */
  readonly host: HostMesh<never>;
  /** Aborts when the caller cancelled, the deadline passed or the actor is stopping. */
  readonly signal: AbortSignal;
  /**
   * Fails this actor at once, as a fault would: its calls reject with `reason`, its owner is told, it restarts if it is
   * spawned so. Throws, so that nothing after it runs.
   */
  abort(reason: string): never;
  /** Stops this actor in order, after the messages that it already has. Not a failure: its owner is not told. */
  stop(reason?: string): void;
}

/** On whose behalf code runs, and in which program. It follows the code through promises, timers and events. */
export interface Scope {
  readonly program: Program;
  readonly owner: Owner;
  /** Of the actor; `undefined` in code of the program itself. */
  readonly context: Context | undefined;
  /** That is being handled: calls made meanwhile are part of it. */
  readonly message?: IncomingCall | undefined;
}

const KEY = Symbol.for('@forge/monarch scope');

// One storage a process, even where an actor's module brings its own copy of this package.
const storage: AsyncLocalStorage<Scope> = Reflect.get(globalThis, KEY) ?? new AsyncLocalStorage<Scope>();
Reflect.set(globalThis, KEY, storage);

/** Runs `task` on behalf of `scope`. */
export function runIn<Args extends readonly unknown[], T>(scope: Scope, task: (...args: Args) => T, ...args: Args): T {
  return storage.run(scope, task, ...args);
}

/** The scope of the running code, if it has one. */
export function scopeIfAny(): Scope | undefined {
  return storage.getStore();
}

/** The context of the running actor. @throws {OwnershipError} outside of an actor. */
export function currentContext(what: string): Context {
  const context = storage.getStore()?.context;
  if (context === undefined) throw new OwnershipError(`${what} is known only while an actor runs.`);
  return context;
}
