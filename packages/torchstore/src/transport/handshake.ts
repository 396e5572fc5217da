import { createHash } from 'node:crypto';
import type { ByteSink } from './byte-sink.ts';
import { protocolVersion } from './frame.ts';

/** Names the protocol and its version when a connection is opened. */
export const subprotocol: string = `forge.torchstore.${protocolVersion}`;

/** Fixed by RFC 6455. */
const acceptSuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const maxHeadBytes = 8192;
const endOfHead = '\r\n\r\n';

/** The head of an HTTP message: its first line, and its headers by their names in lower case. */
export interface HttpHead {
  readonly line: string;
  readonly headers: ReadonlyMap<string, string>;
}

/** Reads the head of an HTTP message, and hands it on with what came behind it. */
export class HandshakeReader implements ByteSink {
  readonly #memory = Buffer.alloc(maxHeadBytes);
  readonly #onHead: (head: HttpHead | undefined, rest: Uint8Array) => void;
  #length = 0;
  #isDone = false;

  /** @param onHead gets `undefined` when what arrives is too long for a head. It is called once. */
  constructor(onHead: (head: HttpHead | undefined, rest: Uint8Array) => void) {
    this.#onHead = onHead;
  }

  next(): Uint8Array {
    return this.#memory.subarray(this.#length);
  }

  advance(bytes: number): void {
    if (this.#isDone) return; // who was refused may go on talking
    this.#length += bytes;
    const read = this.#memory.subarray(0, this.#length);
    const end = read.indexOf(endOfHead);
    if (end < 0 && this.#length < maxHeadBytes) return;
    this.#isDone = true;
    this.#length = 0;
    if (end < 0) this.#onHead(undefined, read.subarray(0, 0));
    else this.#onHead(parseHead(read.toString('latin1', 0, end)), read.subarray(end + endOfHead.length));
  }
}

function parseHead(text: string): HttpHead {
  const [line = '', ...lines] = text.split('\r\n');
  const headers = new Map<string, string>();
  for (const header of lines) {
    const colon = header.indexOf(':');
    if (colon > 0) headers.set(header.slice(0, colon).toLowerCase(), header.slice(colon + 1).trim());
  }
  return { line, headers };
}

/** What the accepting side answers to a key, by which a client knows that it understood. */
export function acceptOf(key: string): string {
  return createHash('sha1')
    .update(key + acceptSuffix)
    .digest('base64');
}

/** The head of a message, ready to be sent. */
export function writeHead(line: string, headers: Readonly<Record<string, string>>): string {
  return [line, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
}
