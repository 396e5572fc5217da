import { DecodeError } from '../errors.ts';
import type { MachineReference } from '../hosts/machine.ts';
import { RemoteMachine } from '../hosts/remote-machine.ts';
import { NamedExtent } from '../mesh/extent.ts';
import { Host } from '../mesh/host-mesh.ts';
import type { LocalProcess } from '../process/local-process.ts';
import { isProcessId, machineOf } from '../process/process-id.ts';

/** A mesh of machines as it travels in messages. */
export interface HostReference {
  readonly extent: NamedExtent<string>;
  readonly machines: readonly MachineReference[];
}

/** The machines that came in a message: what is started there belongs to whoever starts it. @throws {DecodeError} */
export function hostsOf(local: LocalProcess, data: unknown): Host<string> {
  // Every field is checked below.
  const { extent, machines } = data as HostReference;
  const isMachine = (machine: unknown): machine is MachineReference =>
    typeof machine === 'object' && machine !== null && 'id' in machine && isProcessId(String(machine.id));
  if (!(extent instanceof NamedExtent) || !Array.isArray(machines) || !machines.every(isMachine)) {
    throw new DecodeError('a mesh of hosts is damaged.');
  }
  const [first] = machines;
  if (machines.length === 1 && first?.id === machineOf(local.id)) return new Host(extent, new Set());
  return new Host(extent, new Set(), { machines: machines.map((machine) => new RemoteMachine(local, machine)) });
}
