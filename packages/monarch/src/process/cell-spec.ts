import { MeshFailure, type MeshFailureFields } from '../errors.ts';
import type { Point } from '../mesh/extent.ts';

/** What the spawner says about an actor. */
export interface CellSpec {
  /** Of the mesh, unique in the program. */
  readonly mesh: string;
  readonly name: string;
  readonly point: Point<string>;
  /** Its number in this process. */
  readonly actor: number;
  /** Process of the owner. */
  readonly owner: string;
  /** How often it was restarted. */
  readonly generation: number;
  /** Its owner may restart it when it fails: until that is decided, what comes for it waits. */
  readonly isRestartable: boolean;
}

/** The failure of an actor, which its owner may answer by a restart. */
export function failureOf(
  { name, point, generation, isRestartable }: CellSpec,
  fields: Pick<MeshFailureFields, 'kind' | 'problem' | 'process' | 'chain' | 'cause'>,
): MeshFailure {
  return new MeshFailure({ mesh: name, points: [point], generation, restarting: isRestartable, ...fields });
}

/** The end of an actor that is stopped for good. */
export function endOf(
  { name, point, generation }: CellSpec,
  kind: 'aborted' | 'orphaned',
  reason: string,
): MeshFailure {
  return new MeshFailure({ mesh: name, points: [point], generation, kind, problem: `was stopped: ${reason}` });
}
