import { DecodeError, HandshakeError } from '../errors.ts';
import { pack } from './codec.ts';
import { unpack } from './unpack.ts';

/** Version of this protocol: both ends of a connection must speak the same. */
export const PROTOCOL_VERSION = 2;

/** The first byte of every frame. */
export const FRAME = { hello: 1, welcome: 2, data: 3, ack: 4, end: 5 } as const;

/** The first frame of a connection, by the process that opened it. */
export interface Hello {
  readonly from: string;
  readonly to: string;
  /** Unique: names the session for all its connections. */
  readonly session: string;
  /** Number of the last frame of the other side that arrived. */
  readonly received: number;
  /** The other side has taken part in this session before, and must still know it. */
  readonly resumes: boolean;
}

/** Why a session ended or never began. */
export type EndCode = HandshakeError['why'];

/** The last frame of a session. `after` is the number of the last frame that was sent before. */
export interface End {
  readonly code: EndCode;
  readonly reason: string;
  readonly after: number;
}

const END_CODES: ReadonlySet<unknown> = new Set<EndCode>([
  ...(['closed', 'version', 'hello', 'target', 'session', 'decode', 'refused'] as const),
]);

function frame(kind: number, fields: readonly unknown[]): Uint8Array {
  return new Uint8Array(Buffer.concat([Uint8Array.of(kind), pack(fields)]));
}

function fields(frame: Uint8Array): readonly unknown[] {
  const value = unpack(frame.subarray(1));
  if (!Array.isArray(value)) throw new DecodeError('a frame of the handshake has no fields.');
  return value;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

export function packHello({ from, to, session, received, resumes }: Hello): Uint8Array {
  return frame(FRAME.hello, [PROTOCOL_VERSION, from, to, session, received, resumes]);
}

/** @throws {HandshakeError} on a frame that is no hello, or is one of another version. */
export function unpackHello(frame: Uint8Array): Hello {
  if (frame[0] !== FRAME.hello) throw new HandshakeError('hello', 'the connection does not begin with a hello.');
  const [version, from, to, session, received, resumes] = fields(frame);
  checkVersion(version);
  const isSound =
    typeof from === 'string' && typeof to === 'string' && typeof session === 'string' && typeof resumes === 'boolean';
  if (!isSound || !isCount(received)) throw new HandshakeError('hello', 'the fields of the hello are damaged.');
  return { from, to, session, received, resumes };
}

export function packWelcome(received: number): Uint8Array {
  return frame(FRAME.welcome, [PROTOCOL_VERSION, received]);
}

/** What the other side has received. @throws {HandshakeError} when its answer to the hello is no welcome. */
export function unpackWelcome(frame: Uint8Array): number {
  if (frame[0] === FRAME.end) {
    const { code, reason } = unpackEnd(frame);
    throw new HandshakeError(code, `it was refused: ${reason}`);
  }
  if (frame[0] !== FRAME.welcome) throw new HandshakeError('hello', 'the hello was not answered by a welcome.');
  const [version, received] = fields(frame);
  checkVersion(version);
  if (!isCount(received)) throw new HandshakeError('hello', 'the fields of the welcome are damaged.');
  return received;
}

export function packEnd({ code, reason, after }: End): Uint8Array {
  return frame(FRAME.end, [code, reason, after]);
}

/** @throws {DecodeError} */
export function unpackEnd(frame: Uint8Array): End {
  const [code, reason, after] = fields(frame);
  if (!END_CODES.has(code) || typeof reason !== 'string' || !isCount(after))
    throw new DecodeError('an end is damaged.');
  // A member of END_CODES, as was checked.
  return { code: code as EndCode, reason, after };
}

function checkVersion(theirs: unknown): void {
  if (theirs === PROTOCOL_VERSION) return;
  const problem = `the other side speaks version ${String(theirs)} of the protocol, this one ${PROTOCOL_VERSION}. Install the same version on both.`;
  throw new HandshakeError('version', problem);
}
