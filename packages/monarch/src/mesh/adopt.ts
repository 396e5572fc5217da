import { OwnershipError } from '../errors.ts';
import { program } from '../program/current-program.ts';
import type { EndpointCard, MeshReference } from '../references/mesh-reference.ts';
import { meshHandle, meshReferenceOf } from './actor-mesh.ts';
import type { ActorMesh, OwnedMesh } from './handle.ts';

function requireReference(mesh: object): MeshReference {
  const reference = meshReferenceOf(mesh);
  if (reference === undefined) throw new OwnershipError('Only a mesh of actors has endpoints and an owner.');
  return reference;
}

/** The endpoints of a mesh and how each was declared, by name. @throws {OwnershipError} when it is no mesh. */
export function endpointsOfMesh(mesh: object): ReadonlyMap<string, EndpointCard> {
  return new Map(Object.entries(requireReference(mesh).endpoints));
}

/**
 * The same actors under a handle whose `stop` is yours: for whoever hands out a mesh together with the processes that
 * were started for it.
 *
 * @throws {OwnershipError} when it is no mesh.
 */
export function adoptMesh<T, D extends string>(
  mesh: ActorMesh<T, D>,
  stop: (reason?: string) => Promise<void>,
): OwnedMesh<T, D> {
  // The handle answers to exactly the endpoints that `mesh` does, and to stop.
  return meshHandle(program().process, requireReference(mesh), { stop }) as OwnedMesh<T, D>;
}
