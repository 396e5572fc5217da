import { crc32 } from 'node:zlib';
import { FrameError } from '../failures.ts';

/*
 * One message, little endian:  0 version u8 │ 1 type u8 │ 2 flags u16 │ 4 request u32 │ 8 meta bytes u32 │ 12 payload bytes u32
 *                              16 CRC-32 of the payload u32 │ 20 CRC-32 of all before it and of the metadata u32
 *                              24 meta (JSON, UTF-8) │ payload
 * Flags: 1 = the checksums are there; the answer has them too. Without, they are 0.
 * The head has a checksum of its own: what it says is believed before the payload has arrived.
 *
 *   client                               volume
 *   write {segment, offset} bytes ──▶    lies there ──▶ written      at most `window` unanswered: the volume's answers
 *   seal {segment}          ──▶          closed     ──▶ written      and the reader's requests are the credit
 *   read {boxes}            ──▶                     ──▶ data bytes
 *                                                   ──▶ failed {message, isFull}
 */

/** What a frame is for. */
export type FrameType = 'write' | 'written' | 'read' | 'data' | 'failed' | 'seal';

const codes = { write: 1, written: 2, read: 3, data: 4, failed: 5, seal: 6 } as const satisfies Record<
  FrameType,
  number
>;
const types = new Map<number, FrameType>(Object.entries(codes).map(([type, code]) => [code, type as FrameType])); // keys of codes

/** The version of the layout above. */
export const protocolVersion = 3;
/** The part of a head whose length is fixed. */
export const headerBytes = 24;
const payloadChecksumAt = 16;
const headChecksumAt = 20;
const hasChecksums = 1;

/** Bytes of tensors in one frame. */
export const maxPayloadBytes = 2 ** 20;
/** Bytes of metadata in one frame. */
const maxMetaBytes = 2 ** 18;
/** The largest message that a side accepts. */
export const maxMessageBytes = headerBytes + maxMetaBytes + maxPayloadBytes;
/** Boxes in one read. */
export const maxBoxes = 512;
/** Frames that wait for an answer; it bounds the memory of both sides, and what travels twice when a connection is cut. */
export const window = 8;

/** What a frame says before its payload. */
export interface FrameHead {
  readonly type: FrameType;
  /** Chosen by the client; the answer carries the same. */
  readonly request: number;
  readonly meta: unknown;
  readonly payloadBytes: number;
  /** The CRC-32 of the payload; undefined when the frame has no checksums. */
  readonly checksum: number | undefined;
}

/** The bytes of a head. @throws {FrameError} when the frame would be larger than allowed. */
export function encodeHead({ type, request, meta, payloadBytes, checksum }: FrameHead): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(meta));
  if (text.length > maxMetaBytes || payloadBytes > maxPayloadBytes) {
    throw new FrameError(`A ${type} frame of ${text.length} + ${payloadBytes} bytes is larger than a frame may be.`);
  }
  const head = new Uint8Array(headerBytes + text.length);
  const view = new DataView(head.buffer);
  view.setUint8(0, protocolVersion);
  view.setUint8(1, codes[type]);
  view.setUint16(2, checksum === undefined ? 0 : hasChecksums, true);
  view.setUint32(4, request, true);
  view.setUint32(8, text.length, true);
  view.setUint32(12, payloadBytes, true);
  head.set(text, headerBytes);
  if (checksum === undefined) return head;
  view.setUint32(payloadChecksumAt, checksum, true);
  view.setUint32(headChecksumAt, checksumOfHead(head), true);
  return head;
}

function checksumOfHead(head: Uint8Array): number {
  return crc32(head.subarray(headerBytes), crc32(head.subarray(0, headChecksumAt)));
}

const viewOf = ({ buffer, byteOffset, length }: Uint8Array) => new DataView(buffer, byteOffset, length);

/** How long the metadata and the payload of a frame are, by its first {@link headerBytes}. @throws {FrameError} when it breaks a limit. */
export function lengthsOf(header: Uint8Array): { readonly metaBytes: number; readonly payloadBytes: number } {
  const view = viewOf(header);
  const version = view.getUint8(0);
  if (version !== protocolVersion) {
    throw new FrameError(`A frame of version ${version} is not understood; this side speaks ${protocolVersion}.`);
  }
  const metaBytes = view.getUint32(8, true);
  const payloadBytes = view.getUint32(12, true);
  if (metaBytes > maxMetaBytes || payloadBytes > maxPayloadBytes) {
    throw new FrameError(`A frame announced ${metaBytes} + ${payloadBytes} bytes, more than a frame may have.`);
  }
  return { metaBytes, payloadBytes };
}

/** Reads a head: a header that {@link lengthsOf} has taken, and the metadata. @throws {FrameError} when it is none, or was damaged. */
export function decodeHead(head: Uint8Array): FrameHead {
  const view = viewOf(head);
  const flags = view.getUint16(2, true);
  if ((flags & ~hasChecksums) !== 0) throw new FrameError(`A frame has the flags ${flags}, which are not understood.`);
  // Without the flag both are 0: a flag that was lost on the way does not pass for one that was not set.
  const expected = flags === 0 ? 0 : checksumOfHead(head);
  const checksum = view.getUint32(payloadChecksumAt, true);
  if (view.getUint32(headChecksumAt, true) !== expected || (flags === 0 && checksum !== 0)) throw damaged('head');
  const type = types.get(view.getUint8(1));
  if (type === undefined) throw new FrameError(`There is no frame of type ${view.getUint8(1)}.`);
  return {
    type,
    request: view.getUint32(4, true),
    meta: parse(head.subarray(headerBytes)),
    payloadBytes: view.getUint32(12, true),
    checksum: flags === 0 ? undefined : checksum,
  };
}

/** What a checksum that does not fit means. */
export function damaged(what: 'head' | 'payload'): FrameError {
  return new FrameError(`The ${what} of a frame was damaged on its way: its checksum is wrong.`);
}

function parse(text: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch (cause) {
    throw Object.assign(new FrameError('The metadata of a frame is not JSON.'), { cause });
  }
}
