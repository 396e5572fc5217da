export { Actor, type ActorClass } from './actor/actor.ts';
export type { Context } from './actor/context.ts';
export { detached } from './actor/detached.ts';
export {
  type Endpoint,
  type EndpointOptions,
  endpoint,
  type StreamEndpoint,
  streamEndpoint,
} from './actor/endpoint.ts';
export type { ArgumentsIn, ArgumentsOut, Schemas } from './actor/validation.ts';
export {
  ActorClassError,
  ActorError,
  AdminError,
  ArgumentError,
  type ArgumentIssue,
  AttachError,
  BufferBoundsError,
  BufferDroppedError,
  CallAbortedError,
  type CallError,
  CallTimeoutError,
  DecodeError,
  EndpointError,
  ExtentError,
  type FailureKind,
  HandshakeError,
  type HostProblem,
  MeshFailure,
  ModuleRefusedError,
  OptionError,
  OverflowError,
  OversizeError,
  OwnershipError,
  PortError,
  type ProcessExit,
  SelfCallError,
  UnsendableError,
} from './errors.ts';
export { type AttachOptions, attachToHosts } from './hosts/attach.ts';
export {
  exportBuffer,
  type ReadIntoOptions,
  type RemoteBackend,
  type RemoteBuffer,
  type RemoteTransferOptions,
} from './memory/remote-buffer.ts';
export { adoptMesh, endpointsOfMesh } from './mesh/adopt.ts';
export type { ChoosePolicy } from './mesh/choose.ts';
export { type Extent, extentOf, type Point, type Shaped } from './mesh/extent.ts';
export { fold, merge } from './mesh/fold.ts';
export type {
  ActorMesh,
  Adverbs,
  CallOptions,
  Outcome,
  OwnedMesh,
  Replies,
  StreamAdverbs,
} from './mesh/handle.ts';
export { type Environment, type HostMesh, type SpawnProcsOptions, thisHost } from './mesh/host-mesh.ts';
export { type ProcMesh, thisProc } from './mesh/proc-mesh.ts';
export type { Names, PartSizes, Parts, Renamed, Split } from './mesh/reshape.ts';
export type { Kept, Selection, Span } from './mesh/selection.ts';
export { type ValueMesh, valueMesh } from './mesh/value-mesh.ts';
export { openPort, type Port, type PortSendOptions, type ReceiveOptions, type Receiver } from './ports/port.ts';
export type { MailboxLimits } from './process/mailbox.ts';
export { type Surroundings, surroundings } from './program/surroundings.ts';
export type { EndpointCard } from './references/mesh-reference.ts';
export { type Board, showBoard } from './seeing/boards.ts';
export type { ChannelEvents } from './seeing/channels.ts';
export type { LogLevel } from './seeing/log-level.ts';
export type { LogLine, LogOptions, LogStream, ReadLogsOptions } from './seeing/log-line.ts';
export type { ActorNode, EndpointNode, HostNode, ProcessNode, ProgramTree } from './seeing/program-tree.ts';
export { type AdminOptions, type AdminServer, serveAdmin } from './seeing/serve-admin.ts';
export { traceHere } from './seeing/spans.ts';
export type { RestartPolicy } from './supervision/restart.ts';
export { shutdown, shutdownOnSignals } from './supervision/shutdown.ts';
export { singleton } from './supervision/singleton.ts';
export { type FaultListener, onUnhandledFault } from './supervision/unhandled-fault.ts';
export { type Clock, systemClock } from './time/clock.ts';
export { unsendable } from './wire/lower.ts';
