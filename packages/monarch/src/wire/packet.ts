import { DecodeError } from '../errors.ts';
import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import type { Payload } from './codec.ts';
import { MAX_BUFFERS, MAX_PACKED_BYTES } from './limits.ts';
import { type Message, readMessage, writeMessage } from './message.ts';

/** One message with its payload: what a link carries. */
export interface Packet {
  readonly message: Message;
  readonly payload: Payload;
}

/*
 * A frame of a session carries items:
 *
 *   packet    message | size of the payload | body
 *   opening   number of the transfer | message | size of the payload      announces a large packet, whose body follows
 *   chunk     number of the transfer | bytes of the body, in order
 *   abandon   number of the transfer                                      the rest of its body is not sent
 *
 * A body is the lengths of the buffers, the packed value, what is said of lent buffers, and the buffers that are sent, one
 * behind the other.
 */
export const ITEM = { packet: 0, opening: 1, chunk: 2, abandon: 3 } as const;

/** Bytes of the length of one buffer. */
export const LENGTH_BYTES = 8;

/** How large a payload is, as it is announced. */
export interface PayloadSize {
  readonly packedBytes: number;
  readonly lentBytes: number;
  readonly buffers: number;
  /** Of the whole body. */
  readonly bodyBytes: number;
}

/** The size of a payload. */
export function sizeOf({ bytes, buffers, lent }: Payload): PayloadSize {
  const lentBytes = lent?.length ?? 0;
  let bodyBytes = bytes.length + lentBytes + LENGTH_BYTES * buffers.length;
  for (const buffer of buffers) bodyBytes += buffer.length;
  return { packedBytes: bytes.length, lentBytes, buffers: buffers.length, bodyBytes };
}

export function writeSize(writer: ByteWriter, { packedBytes, lentBytes, buffers, bodyBytes }: PayloadSize): void {
  writer.count(packedBytes);
  writer.count(lentBytes);
  writer.count(buffers);
  writer.count(bodyBytes);
}

/** @throws {DecodeError} on a size that no payload has. */
export function readSize(reader: ByteReader, maxBytes: number): PayloadSize {
  const packedBytes = reader.count();
  const lentBytes = reader.count();
  const buffers = reader.count();
  const bodyBytes = reader.count();
  if (buffers > MAX_BUFFERS) throw new DecodeError(`it announces ${buffers} buffers, more than ${MAX_BUFFERS}.`);
  if (bodyBytes > maxBytes) throw new DecodeError(`it announces ${bodyBytes} bytes, more than ${maxBytes}.`);
  if (packedBytes + lentBytes > MAX_PACKED_BYTES) {
    throw new DecodeError(`it announces ${packedBytes + lentBytes} packed bytes, more than ${MAX_PACKED_BYTES}.`);
  }
  if (packedBytes + lentBytes + LENGTH_BYTES * buffers > bodyBytes)
    throw new DecodeError('it announces parts larger than the whole.');
  return { packedBytes, lentBytes, buffers, bodyBytes };
}

/** The lengths of buffers as the bytes that begin a body. */
export function packLengths(buffers: readonly Uint8Array[]): Uint8Array {
  const lengths = new DataView(new ArrayBuffer(LENGTH_BYTES * buffers.length));
  buffers.forEach((buffer, i) => {
    lengths.setFloat64(LENGTH_BYTES * i, buffer.length, true);
  });
  return new Uint8Array(lengths.buffer);
}

/** The inverse of {@link packLengths}. @throws {DecodeError} when they do not add up to what was announced. */
export function unpackLengths(bytes: Uint8Array, { packedBytes, lentBytes, bodyBytes }: PayloadSize): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lengths = Array.from({ length: bytes.length / LENGTH_BYTES }, (_, i) => {
    const length = view.getFloat64(LENGTH_BYTES * i, true);
    if (!Number.isSafeInteger(length) || length < 0) throw new DecodeError(`a buffer cannot have ${length} bytes.`);
    return length;
  });
  const total = lengths.reduce((sum, length) => sum + length, bytes.length + packedBytes + lentBytes);
  if (total !== bodyBytes) throw new DecodeError(`parts of ${total} bytes are announced as ${bodyBytes}.`);
  return lengths;
}

/** Writes a small packet, all of it. */
export function writePacket(writer: ByteWriter, { message, payload }: Packet, size: PayloadSize): void {
  writer.u8(ITEM.packet);
  writeMessage(writer, message);
  writeSize(writer, size);
  if (payload.buffers.length > 0) writer.bytes(packLengths(payload.buffers));
  writer.bytes(payload.bytes);
  if (payload.lent !== undefined) writer.bytes(payload.lent);
  for (const buffer of payload.buffers) writer.bytes(buffer);
}

/** Reads a small packet, behind its kind. Its payload is a view, its buffers are copies. */
export function readPacket(reader: ByteReader, maxBytes: number): Packet {
  const message = readMessage(reader);
  const size = readSize(reader, maxBytes);
  if (size.buffers === 0 && size.bodyBytes !== size.packedBytes + size.lentBytes)
    throw new DecodeError('bytes are announced for nothing.');
  const lengths = size.buffers === 0 ? [] : unpackLengths(reader.bytes(LENGTH_BYTES * size.buffers), size);
  // It is read once, as a Buffer.
  const bytes = reader.view(size.packedBytes);
  if (size.bodyBytes === size.packedBytes) return { message, payload: { bytes, buffers: [] } };
  const lent = reader.bytes(size.lentBytes);
  // Copied: then they are aligned, and do not keep the whole frame.
  const buffers = lengths.map((length) => reader.bytes(length).slice());
  return { message, payload: { bytes, buffers, ...(size.lentBytes > 0 && { lent }) } };
}
