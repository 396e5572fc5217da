import { crc32 } from 'node:zlib';
import { FrameError } from '../failures.ts';

/*
 * One message, little endian:  0 version u8 │ 1 type u8 │ 2 flags u16 │ 4 request u32 │ 8 meta bytes u32 │ 12 payload bytes u32
 *                              16 CRC-32 of all the rest, or 0, u32 │ 20 meta (JSON, UTF-8) │ payload
 * Flags: 1 = the CRC-32 is there; the answer has one too.
 * It travels as two WebSocket fragments, [header, meta] and [payload], so that no side joins or copies the payload.
 *
 *   client                           volume
 *   write {segment, offset} bytes ──▶  pwrite ──▶ written          at most `window` unanswered: the volume's acknowledgement
 *   read {boxes}            ──▶        pread ──▶ data bytes        and the reader's requests are the credit
 *                                      failed {code, message}
 */

/** What a frame is for. */
export type FrameType = 'write' | 'written' | 'read' | 'data' | 'failed';

const codes = { write: 1, written: 2, read: 3, data: 4, failed: 5 } as const satisfies Record<FrameType, number>;
const types = new Map<number, FrameType>(Object.entries(codes).map(([type, code]) => [code, type as FrameType])); // keys of codes

const version = 2;
const headerBytes = 20;
const checksumAt = 16;
const hasChecksum = 1;

/** Bytes of tensors in one frame. */
export const maxPayloadBytes = 2 ** 20;
/** Bytes of metadata in one frame. */
const maxMetaBytes = 2 ** 18;
/** Boxes in one read. */
export const maxBoxes = 512;
/** The largest message that a side accepts. */
export const maxFrameBytes = headerBytes + maxMetaBytes + maxPayloadBytes;
/** Frames that wait for an answer; it bounds the memory of both sides. */
export const window = 8;

const noBytes = new Uint8Array(0);

/** A message of the data plane. */
export interface Frame {
  readonly type: FrameType;
  /** Chosen by the client; the answer carries the same. */
  readonly request: number;
  readonly meta: unknown;
  readonly payload: Uint8Array;
  /** It has a checksum, which a receiver verifies. */
  readonly isChecked: boolean;
}

/** The first fragment of a frame; the second is the payload itself. @throws {FrameError} when it is larger than allowed. */
export function encodeHead({ type, request, meta, payload, isChecked }: Frame): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(meta));
  if (text.length > maxMetaBytes || payload.length > maxPayloadBytes) {
    throw new FrameError(`A ${type} frame of ${text.length} + ${payload.length} bytes is larger than a frame may be.`);
  }
  const head = new Uint8Array(headerBytes + text.length);
  const view = new DataView(head.buffer);
  view.setUint8(0, version);
  view.setUint8(1, codes[type]);
  view.setUint16(2, isChecked ? hasChecksum : 0, true);
  view.setUint32(4, request, true);
  view.setUint32(8, text.length, true);
  view.setUint32(12, payload.length, true);
  head.set(text, headerBytes);
  if (isChecked) view.setUint32(checksumAt, checksumOf(head, payload), true);
  return head;
}

/** The checksum of a frame; `head` is its header and metadata. */
function checksumOf(head: Uint8Array, payload: Uint8Array): number {
  const before = crc32(head.subarray(0, checksumAt));
  return crc32(payload, crc32(head.subarray(headerBytes), before));
}

function joined(fragments: readonly Uint8Array[]): Uint8Array {
  return fragments.length === 1 ? fragments[0]! : Buffer.concat(fragments);
}

/** Reads a message that arrived in any number of fragments. @throws {FrameError} when it is not a frame or breaks a limit. */
export function decodeFrame(fragments: readonly Uint8Array[]): Frame {
  const [head = noBytes, ...rest] = fragments;
  if (head.length < headerBytes) return decodeWhole(joined(fragments));
  const { metaBytes, payloadBytes, checksum, ...frame } = decodeHeader(head);
  if (head.length !== headerBytes + metaBytes) return decodeWhole(joined(fragments));
  const payload = rest.length === 0 ? noBytes : joined(rest);
  if (payload.length !== payloadBytes) {
    throw new FrameError(`A frame announced ${payloadBytes} bytes of payload and brought ${payload.length}.`);
  }
  return checked({ head, payload, checksum, frame });
}

function decodeWhole(message: Uint8Array): Frame {
  if (message.length < headerBytes) throw new FrameError(`A message of ${message.length} bytes has no frame header.`);
  const { metaBytes, payloadBytes, checksum, ...frame } = decodeHeader(message);
  const payloadStart = headerBytes + metaBytes;
  if (message.length !== payloadStart + payloadBytes) {
    throw new FrameError(`A frame announced ${payloadStart + payloadBytes} bytes and brought ${message.length}.`);
  }
  return checked({ head: message.subarray(0, payloadStart), payload: message.subarray(payloadStart), checksum, frame });
}

function checked({
  head,
  payload,
  checksum,
  frame,
}: {
  readonly head: Uint8Array;
  readonly payload: Uint8Array;
  readonly checksum: number;
  readonly frame: Pick<Frame, 'type' | 'request' | 'isChecked'>;
}): Frame {
  // Without the flag it is 0: a flag that was lost on the way does not pass for one that was not set.
  const expected = frame.isChecked ? checksumOf(head, payload) : 0;
  if (checksum !== expected)
    throw new FrameError(`A ${frame.type} frame was damaged on its way: its checksum is wrong.`);
  return { ...frame, meta: parse(head.subarray(headerBytes)), payload };
}

function decodeHeader(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const flags = view.getUint16(2, true);
  if (view.getUint8(0) !== version || (flags & ~hasChecksum) !== 0) {
    throw new FrameError(
      `A frame of version ${view.getUint8(0)} is not understood; this side speaks version ${version}.`,
    );
  }
  const type = types.get(view.getUint8(1));
  if (type === undefined) throw new FrameError(`There is no frame of type ${view.getUint8(1)}.`);
  const metaBytes = view.getUint32(8, true);
  const payloadBytes = view.getUint32(12, true);
  if (metaBytes > maxMetaBytes || payloadBytes > maxPayloadBytes) {
    throw new FrameError(`A ${type} frame announced ${metaBytes} + ${payloadBytes} bytes, more than a frame may have.`);
  }
  const checksum = view.getUint32(checksumAt, true);
  return {
    type,
    request: view.getUint32(4, true),
    isChecked: flags === hasChecksum,
    metaBytes,
    payloadBytes,
    checksum,
  };
}

function parse(text: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch (cause) {
    throw Object.assign(new FrameError('The metadata of a frame is not JSON.'), { cause });
  }
}
