import { bufferReference, remoteBuffer } from '../memory/remote-buffer.ts';
import { meshHandle } from '../mesh/actor-mesh.ts';
import { portOf } from '../ports/port.ts';
import type { LocalProcess } from '../process/local-process.ts';
import { hostsOf } from './host-reference.ts';
import { meshReference } from './mesh-reference.ts';
import { procsOf } from './proc-reference.ts';

/** Makes what a reference stands for usable in the process where it arrived. @throws {DecodeError} on damaged data. */
export type Revive = (process: LocalProcess, data: unknown) => unknown;

/** Everything that travels as a reference, by its kind. */
export const REFERENCE_KINDS: ReadonlyMap<string, Revive> = new Map<string, Revive>([
  ['port', portOf],
  ['procs', procsOf],
  ['hosts', hostsOf],
  ['promise', (process, data) => process.promises.arrived(data)],
  ['mesh', (process, data) => meshHandle(process, meshReference(data))],
  ['buffer', (process, data) => remoteBuffer(process, bufferReference(data))],
]);
