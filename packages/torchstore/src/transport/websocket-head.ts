import { FrameError } from '../failures.ts';

/*
 * The part of RFC 6455 that is used here: a binary message is one WebSocket frame. A client must mask what it sends; ours
 * masks with zero, which costs nothing, and any other mask is taken off. Masks protect proxies from scripts in browsers.
 */
const final = 0x80;
const masked = 0x80;
const opcodes = { binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** What a WebSocket frame is. */
export type WebSocketOpcode = keyof typeof opcodes;

const names = new Map<number, WebSocketOpcode>(
  Object.entries(opcodes).map(([name, code]) => [code, name as WebSocketOpcode]), // keys of opcodes
);

/** Two bytes, eight of length, four of mask. */
export const maxWebSocketHeadBytes = 14;
/** Of a close, a ping and a pong. */
const maxControlBytes = 125;

/** The head of a WebSocket frame. */
export interface WebSocketHead {
  readonly opcode: WebSocketOpcode;
  readonly length: number;
  /** Big endian; 0 for none. */
  readonly mask: number;
  /** Of the head itself. */
  readonly headBytes: number;
}

/** Which side writes a frame. */
export type Role = 'client' | 'server';

/** The head of a frame of so many bytes. */
export function encodeWebSocketHead(opcode: WebSocketOpcode, length: number, role: Role): Uint8Array {
  const lengthBytes = length < 126 ? 0 : length < 2 ** 16 ? 2 : 8;
  const head = new Uint8Array(2 + lengthBytes + (role === 'client' ? 4 : 0));
  const view = new DataView(head.buffer);
  view.setUint8(0, final | opcodes[opcode]);
  view.setUint8(1, (role === 'client' ? masked : 0) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127));
  if (lengthBytes === 2) view.setUint16(2, length);
  if (lengthBytes === 8) view.setBigUint64(2, BigInt(length));
  return head;
}

/**
 * Reads a head from the start of what has arrived; undefined when more is needed.
 * @throws {FrameError} on frames that are not used here: texts, fragments, extensions, or what is longer than `maxBytes`.
 */
export function decodeWebSocketHead(bytes: Uint8Array, maxBytes: number): WebSocketHead | undefined {
  if (bytes.length < 2) return undefined;
  const first = bytes[0]!; // there are two
  const short = bytes[1]! & 0x7f; // likewise
  const hasMask = bytes[1]! >= masked; // likewise
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const headBytes = 2 + lengthBytes + (hasMask ? 4 : 0);
  const opcode = names.get(first & 0x0f);
  if (opcode === undefined || (first & 0xf0) !== final) {
    throw new FrameError(`A WebSocket frame begins with the byte ${first}; only whole binary messages are served.`);
  }
  if (bytes.length < headBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, headBytes);
  const length = lengthBytes === 0 ? short : lengthBytes === 2 ? view.getUint16(2) : Number(view.getBigUint64(2));
  const limit = opcode === 'binary' ? maxBytes : maxControlBytes;
  if (length > limit) throw new FrameError(`A WebSocket frame announced ${length} bytes, more than ${limit}.`);
  return { opcode, length, mask: hasMask ? view.getUint32(headBytes - 4) : 0, headBytes };
}

/** Takes a mask off bytes that lie `position` bytes behind the head. */
export function unmask(bytes: Uint8Array, mask: number, position: number): void {
  if (mask === 0) return;
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = bytes[index]! ^ ((mask >>> (24 - 8 * ((position + index) & 3))) & 0xff); // within the loop's bound
  }
}
