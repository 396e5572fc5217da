import { type SpawnProcsOptions, thisHost } from '../mesh/host-mesh.ts';
import type { ProcMesh } from '../mesh/proc-mesh.ts';

/**
 * Processes that are this one: actors spawned on them have mailboxes, codec and supervision as anywhere, and start at
 * once. Without dimensions it is one process.
 */
export async function inlineProcs<const P extends Readonly<Record<string, number>> = Readonly<Record<never, number>>>(
  dimensions?: P,
  options: Pick<SpawnProcsOptions<P>, 'name' | 'supervise'> = {},
): Promise<ProcMesh<keyof P & string>> {
  const perHost = dimensions === undefined ? {} : { perHost: dimensions };
  return await thisHost().spawnProcs<P>({ kind: 'inline', ...perHost, ...options });
}
