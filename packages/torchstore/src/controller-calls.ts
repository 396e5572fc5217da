import type { ActorMesh } from '@forge/monarch';
import type { Controller } from './controller.ts';

type Mesh = ActorMesh<Controller, never>;
/** What clients do not ask, or not with that deadline. */
type Others = 'addVolume' | 'endSession' | 'loseVolume' | 'release' | 'waitFor';

/** What a client asks the controller, each question with the deadline of the store. */
export type ControllerCalls = {
  readonly [Name in Exclude<keyof Mesh, Others> as Mesh[Name] extends { readonly callOne: unknown }
    ? Name
    : never]: Mesh[Name] extends { readonly callOne: infer Call } ? Call : never;
};

/** The questions to a controller. Each is prepared once: options of a call cost a tenth of a round trip. */
export function controllerCalls(controller: Mesh, timeoutMs: number): ControllerCalls {
  const { abandon, abort, adoptLeases, begin, commit, discard, exists, keys, lease, locate, openSession } = controller;
  const { page, record, releaseLease, remove, removeAll, removePrefix, reserve, retract, statistics, whenIdle } =
    controller;
  const deadline = { timeoutMs };
  return {
    abandon: abandon.with(deadline).callOne,
    abort: abort.with(deadline).callOne,
    adoptLeases: adoptLeases.with(deadline).callOne,
    begin: begin.with(deadline).callOne,
    commit: commit.with(deadline).callOne,
    discard: discard.with(deadline).callOne,
    exists: exists.with(deadline).callOne,
    keys: keys.with(deadline).callOne,
    lease: lease.with(deadline).callOne,
    locate: locate.with(deadline).callOne,
    openSession: openSession.with(deadline).callOne,
    page: page.with(deadline).callOne,
    record: record.with(deadline).callOne,
    releaseLease: releaseLease.with(deadline).callOne,
    remove: remove.with(deadline).callOne,
    removeAll: removeAll.with(deadline).callOne,
    removePrefix: removePrefix.with(deadline).callOne,
    reserve: reserve.with(deadline).callOne,
    retract: retract.with(deadline).callOne,
    statistics: statistics.with(deadline).callOne,
    whenIdle: whenIdle.with(deadline).callOne,
  };
}
