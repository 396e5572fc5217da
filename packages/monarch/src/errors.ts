export { BufferBoundsError, BufferDroppedError } from './errors/buffer-errors.ts';
export {
  ActorError,
  ArgumentError,
  type ArgumentIssue,
  CallAbortedError,
  type CallError,
  CallTimeoutError,
  EndpointError,
  OverflowError,
  PortError,
  SelfCallError,
} from './errors/call-errors.ts';
export { exitText, pathText, reasonText } from './errors/error-text.ts';
export { AttachError, type HostProblem, ModuleRefusedError } from './errors/host-errors.ts';
export { type FailureKind, MeshFailure, type MeshFailureFields, type ProcessExit } from './errors/mesh-failure.ts';
export { DecodeError, HandshakeError, OversizeError, UnsendableError } from './errors/message-errors.ts';
export { ActorClassError, AdminError, ExtentError, OptionError, OwnershipError } from './errors/usage-errors.ts';
