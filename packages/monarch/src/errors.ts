import type {
  ActorError,
  ArgumentError,
  CallAbortedError,
  CallTimeoutError,
  OverflowError,
  SelfCallError,
} from './errors/call-errors.ts';
import { exitText } from './errors/error-text.ts';
import type { Point } from './mesh/extent.ts';

export {
  ActorError,
  ArgumentError,
  type ArgumentIssue,
  CallAbortedError,
  CallTimeoutError,
  EndpointError,
  OverflowError,
  PortError,
  SelfCallError,
} from './errors/call-errors.ts';
export { exitText, pathText, reasonText } from './errors/error-text.ts';

/** A dimension, coordinate or number of actors that does not fit the mesh it was used on. */
export class ExtentError extends RangeError {
  override readonly name = 'ExtentError';
  readonly code = 'ERR_MONARCH_EXTENT';
}

/** A class that cannot be spawned: no `module`, not exported under its own name, or with an endpoint that hides a builtin. */
export class ActorClassError extends TypeError {
  override readonly name = 'ActorClassError';
  readonly code = 'ERR_MONARCH_CLASS';
  readonly className: string;

  constructor(className: string, problem: string, options?: ErrorOptions) {
    super(`Actor class ${className} cannot be spawned: ${problem}`, options);
    this.className = className;
  }
}

/** An argument or result that cannot cross to another process. Nothing was sent. */
export class UnsendableError extends TypeError {
  override readonly name = 'UnsendableError';
  readonly code = 'ERR_MONARCH_UNSENDABLE';
  /** Where it stands, such as `[0].weights.bias`. */
  readonly path: string;

  constructor(path: string, problem: string) {
    super(`The value at ${path} cannot be sent: ${problem}`);
    this.path = path;
  }
}

/** An option that does not exist, or has a value that it cannot have. */
export class OptionError extends RangeError {
  override readonly name = 'OptionError';
  readonly code = 'ERR_MONARCH_OPTION';
  readonly option: string;

  constructor(option: string, problem: string, options?: ErrorOptions) {
    super(problem, options);
    this.option = option;
  }
}

/** An argument or result that is larger than one message may be. Nothing was sent. */
export class OversizeError extends RangeError {
  override readonly name = 'OversizeError';
  readonly code = 'ERR_MONARCH_OVERSIZE';
  /** Where it stands, such as `[0].weights`. */
  readonly path: string;
  readonly bytes: number;
  readonly maxBytes: number;

  constructor(path: string, bytes: number, maxBytes: number) {
    super(`The value at ${path} has ${bytes} bytes, more than the ${maxBytes} of one message. Send it in parts.`);
    this.path = path;
    this.bytes = bytes;
    this.maxBytes = maxBytes;
  }
}

/** Bytes that are no message of this protocol, or exceed a named limit of it. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  readonly code = 'ERR_MONARCH_DECODE';

  constructor(problem: string, options?: ErrorOptions) {
    super(`A message cannot be decoded: ${problem}`, options);
  }
}

/** Two processes could not agree to talk: they speak different versions, or one is not whom the other called. */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
  readonly code = 'ERR_MONARCH_HANDSHAKE';
  /** `refused`: by something in between, before the other process was asked. */
  readonly why: 'closed' | 'version' | 'hello' | 'target' | 'session' | 'decode' | 'refused';

  constructor(why: HandshakeError['why'], problem: string) {
    super(`No session came about: ${problem}`);
    this.why = why;
  }
}

/** The admin endpoint was not opened: its address is taken, or open to other machines without a token. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
  readonly code = 'ERR_MONARCH_ADMIN';
  readonly host: string;
  readonly port: number;

  constructor(host: string, port: number, problem: string, options?: ErrorOptions) {
    super(`The admin endpoint cannot be opened at ${host}:${port}: ${problem}`, options);
    this.host = host;
    this.port = port;
  }
}

/** Something that only the owner may do was tried by somebody else, or by an owner that has stopped. */
export class OwnershipError extends Error {
  override readonly name = 'OwnershipError';
  readonly code = 'ERR_MONARCH_OWNERSHIP';
}

/** Why points of a mesh are lost. */
export type FailureKind =
  | 'exception'
  | 'setup'
  | 'exit'
  | 'signal'
  | 'unreachable'
  | 'oversize'
  | 'overflow'
  | 'orphaned'
  | 'aborted';

/** How a process ended. */
export interface ProcessExit {
  readonly pid: number;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The last lines it wrote to stderr. */
  readonly stderrTail: readonly string[];
}

/** The data of a {@link MeshFailure}. */
export interface MeshFailureFields {
  readonly mesh: string;
  readonly points: readonly Point<string>[];
  readonly kind: FailureKind;
  readonly problem: string;
  readonly process?: ProcessExit | undefined;
  readonly chain?: readonly string[];
  readonly generation?: number | undefined;
  readonly restarting?: boolean | undefined;
  readonly cause?: unknown;
}

/**
 * Actors or processes of a mesh are gone. Pending calls to these points reject with this, and so do later ones unless it
 * is `restarting`.
 */
export class MeshFailure extends Error {
  override readonly name = 'MeshFailure';
  readonly code = 'ERR_MONARCH_MESH';
  readonly mesh: string;
  readonly points: readonly Point<string>[];
  readonly kind: FailureKind;
  /** What happened, without whom it happened to. */
  readonly problem: string;
  readonly process?: ProcessExit;
  /** Owners it passed through. */
  readonly chain: readonly string[];
  /** How often the actor had been restarted when it failed; absent where that is not known. */
  readonly generation?: number;
  /** It is started anew; later calls wait for that. */
  readonly restarting: boolean;

  constructor({
    mesh,
    points,
    kind,
    problem,
    process,
    chain = [],
    generation,
    restarting = false,
    cause,
  }: MeshFailureFields) {
    const where = points.map((point) => `${mesh}/${point.rank}`).join(', ');
    super(`${where} ${problem}`, cause === undefined ? undefined : { cause });
    this.mesh = mesh;
    this.points = points;
    this.kind = kind;
    this.problem = problem;
    if (process !== undefined) this.process = process;
    this.chain = chain;
    if (generation !== undefined) this.generation = generation;
    this.restarting = restarting;
  }

  /** What a person wants to read: what failed, where, how its process ended with its last lines, and the remote stack. */
  report(): string {
    const { process, chain } = this;
    const lines = [this.message];
    if (chain.length > 0) lines.push(`  passed on, not handled, by: ${chain.join(', ')}`);
    if (process !== undefined) {
      const { stderrTail } = process;
      const end = exitText(process);
      // The message of a failure that climbed need not say it.
      if (!this.message.includes(end)) lines.push(`  ${end}`);
      if (stderrTail.length > 0) lines.push('  its last lines on stderr:', ...stderrTail.map((line) => `    ${line}`));
    }
    const origin = originOf(this);
    if (origin instanceof Error) lines.push('  the error:', ...indented(origin.stack ?? origin.message));
    return lines.join('\n');
  }
}

/** The error at the bottom of a failure that climbed. */
function originOf(failure: MeshFailure): unknown {
  let cause = failure.cause;
  while (cause instanceof MeshFailure) cause = cause.cause;
  return cause;
}

function indented(text: string): string[] {
  return text.split('\n').map((line) => `    ${line}`);
}

/** Offsets, lengths or memory that do not fit a remote buffer. No byte was moved. */
export class BufferBoundsError extends RangeError {
  override readonly name = 'BufferBoundsError';
  readonly code = 'ERR_MONARCH_BUFFER_BOUNDS';
}

/** A remote buffer that is no more: it was dropped, its owner was stopped, or its memory was transferred. */
export class BufferDroppedError extends Error {
  override readonly name = 'BufferDroppedError';
  readonly code = 'ERR_MONARCH_BUFFER_DROPPED';
  /** Of the exporter. */
  readonly process: string;

  constructor(process: string, problem: string) {
    super(`A buffer of process ${process} cannot be used: ${problem}`);
    this.process = process;
  }
}

/** What a call can reject with, apart from mistakes of the caller that were never sent. */
export type CallError =
  | ActorError
  | MeshFailure
  | CallTimeoutError
  | CallAbortedError
  | OverflowError
  | ArgumentError
  | SelfCallError;
