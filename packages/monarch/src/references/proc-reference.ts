import { DecodeError } from '../errors.ts';
import { NamedExtent } from '../mesh/extent.ts';
import { Host } from '../mesh/host-mesh.ts';
import { inlineProc, ProcGroup } from '../mesh/proc-group.ts';
import { type ProcMesh, ProcView } from '../mesh/proc-mesh.ts';
import type { LocalProcess } from '../process/local-process.ts';
import { isProcessId } from '../process/process-id.ts';

/** A mesh of processes as it travels in messages. */
export interface ProcReference {
  readonly name: string;
  readonly extent: NamedExtent<string>;
  /** Ids of the processes, in rank order. */
  readonly nodes: readonly string[];
  readonly hosts: object;
}

/** The processes that came in a message: what is spawned on them belongs to whoever spawns it. @throws {DecodeError} */
export function procsOf({ program }: LocalProcess, data: unknown): ProcMesh<string> {
  // Every field is checked below.
  const { name, extent, nodes, hosts } = data as ProcReference;
  const isSound =
    typeof name === 'string' &&
    extent instanceof NamedExtent &&
    Array.isArray(nodes) &&
    nodes.length === extent.size &&
    nodes.every((node) => isProcessId(String(node))) &&
    hosts instanceof Host;
  if (!isSound) throw new DecodeError('a mesh of processes is damaged.');
  const group = new ProcGroup({ name, extent, owner: program, log: program.openLog(), hosts, isReference: true });
  group.label = name;
  group.procs.push(...nodes.map((node) => inlineProc(String(node))));
  return new ProcView(
    group,
    extent,
    nodes.map((_, rank) => rank),
  );
}
