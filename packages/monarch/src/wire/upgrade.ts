import type { Duplex } from 'node:stream';
import { HandshakeError } from '../errors.ts';
import { nodeCrypto } from '../program/node-crypto.ts';
import { PROTOCOL_VERSION } from './handshake.ts';

/** Names the protocol and its version where a connection is opened. */
export const SUBPROTOCOL: string = `forge.${PROTOCOL_VERSION}`;

/** Fixed by RFC 6455. */
const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** Longest head of a request or an answer. */
const MAX_HEAD_BYTES = 8_192;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** First line and headers, by their name in lower case. */
export interface Head {
  readonly line: string;
  readonly headers: ReadonlyMap<string, string>;
}

/** What an opened stream has read: a head, and what came behind it. */
export interface Opened {
  readonly head: Head;
  readonly rest: Buffer;
}

/** Reads the head of an HTTP message. Tells `undefined` when the stream ends before, or what comes is none. */
export function readHead(stream: Duplex, onHead: (opened: Opened | undefined) => void): void {
  let read = Buffer.alloc(0);
  const done = (opened: Opened | undefined) => {
    stream.off('data', onData).off('close', onClose);
    onHead(opened);
  };
  const onClose = () => done(undefined);
  const onData = (chunk: Buffer) => {
    read = Buffer.concat([read, chunk]);
    const end = read.subarray(0, MAX_HEAD_BYTES).indexOf(END_OF_HEAD);
    if (end < 0 && read.length < MAX_HEAD_BYTES) return;
    stream.pause();
    done(end < 0 ? undefined : { head: parseHead(read.toString('latin1', 0, end)), rest: read.subarray(end + 4) });
  };
  stream.on('data', onData).on('close', onClose);
}

function parseHead(text: string): Head {
  const [line = '', ...lines] = text.split('\r\n');
  const headers = new Map<string, string>();
  for (const header of lines) {
    const colon = header.indexOf(':');
    if (colon > 0) headers.set(header.slice(0, colon).toLowerCase(), header.slice(colon + 1).trim());
  }
  return { line, headers };
}

/** A request to open a WebSocket, and the check of its answer. */
export function upgradeRequest(host: string, path: string): { text: string; check: (answer: Head) => void } {
  const key = nodeCrypto().randomBytes(16).toString('base64');
  const text = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${key}`,
    `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`,
  ];
  const check = ({ line, headers }: Head) => {
    if (!line.startsWith('HTTP/1.1 101 ')) {
      throw new HandshakeError('refused', headers.get('x-reason') ?? `the answer was '${line}'.`);
    }
    if (headers.get('sec-websocket-accept') !== acceptOf(key)) throw new HandshakeError('hello', 'it is no WebSocket.');
    checkSubprotocol(headers.get('sec-websocket-protocol'));
  };
  return { text: `${text.join('\r\n')}\r\n\r\n`, check };
}

/** The answer that accepts a request. @throws {HandshakeError} when it does not ask for a WebSocket of this protocol. */
export function upgradeAnswer(headers: Head['headers']): string {
  const key = headers.get('sec-websocket-key');
  if (headers.get('upgrade')?.toLowerCase() !== 'websocket' || key === undefined) {
    throw new HandshakeError('hello', 'only WebSockets are served here.');
  }
  checkSubprotocol(headers.get('sec-websocket-protocol'));
  const text = [
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    'Upgrade: websocket',
    `Sec-WebSocket-Accept: ${acceptOf(key)}`,
    `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`,
  ];
  return `${text.join('\r\n')}\r\n\r\n`;
}

/** The answer that refuses a request; the stream is closed behind it. */
export function refusalAnswer(status: `${number} ${string}`, reason: string): string {
  return `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\nX-Reason: ${reason.replaceAll(/[^ -~]/g, ' ')}\r\n\r\n`;
}

function checkSubprotocol(offered: string | undefined): void {
  const versions = (offered ?? 'none').split(',').map((name) => name.trim());
  if (versions.includes(SUBPROTOCOL)) return;
  throw new HandshakeError(
    'version',
    `the other side speaks ${versions.join(', ')}, this one ${SUBPROTOCOL}. Install the same version on both.`,
  );
}

function acceptOf(key: string): string {
  return nodeCrypto()
    .createHash('sha1')
    .update(key + ACCEPT_SUFFIX)
    .digest('base64');
}
