import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { DecodeError, reasonText } from '../errors.ts';
import { PAGE_BYTES } from './native.ts';
import { MAGIC, NONCE_BYTES, type Segment } from './segment.ts';

/** What one process tells another of bytes in one of its segments. Plain data. */
export interface SegmentReference {
  readonly pid: number;
  readonly fd: number;
  readonly device: number;
  readonly inode: number;
  /** In hexadecimal. */
  readonly nonce: string;
  /** Where the bytes begin, at a page. */
  readonly offset: number;
  readonly byteLength: number;
  /** Names this use of the segment to its owner, who changes nothing there before it is released. */
  readonly lease: number;
}

/** Names what a segment of this process holds. */
export function referenceTo(segment: Segment, byteLength: number, lease: number): SegmentReference {
  const { fd, device, inode, nonce, offset } = segment;
  return { pid: process.pid, fd, device, inode, nonce, offset, byteLength, lease };
}

const COUNTS = ['pid', 'fd', 'device', 'inode', 'offset', 'byteLength', 'lease'] as const;

/** Checks what came in a message. @throws {DecodeError} */
export function segmentReference(value: unknown): SegmentReference {
  // Every field that is used is checked below.
  const reference = value as SegmentReference;
  const isSound =
    typeof value === 'object' &&
    value !== null &&
    COUNTS.every((field) => Number.isSafeInteger(reference[field]) && reference[field] >= 0) &&
    typeof reference.nonce === 'string' &&
    reference.offset >= PAGE_BYTES &&
    reference.offset % PAGE_BYTES === 0;
  if (!isSound) throw new DecodeError('a reference to memory is damaged.');
  return reference;
}

/** Opens the segment of a reference to read. @throws {DecodeError} when it is anything else than the segment meant. */
export function openSegment(reference: SegmentReference): number {
  const path = `/proc/${reference.pid}/fd/${reference.fd}`;
  let fd: number | undefined;
  try {
    // Opening does things to what is no file: a device, a pipe. So first a look.
    check(statSync(path), reference);
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    check(fstatSync(fd), reference);
    const header = Buffer.alloc(MAGIC.length + NONCE_BYTES);
    readSync(fd, header, 0, header.length, 0);
    const isMeant = header.subarray(0, MAGIC.length).equals(MAGIC);
    if (!isMeant || header.toString('hex', MAGIC.length) !== reference.nonce) {
      throw new RangeError('it is another segment, or none.');
    }
    return fd;
  } catch (cause) {
    if (fd !== undefined) closeSync(fd);
    throw new DecodeError(`memory of process ${reference.pid} cannot be opened: ${reasonText(cause)}`, { cause });
  }
}

function check(file: Stats, { device, inode, offset, byteLength }: SegmentReference): void {
  if (!file.isFile() || file.nlink !== 0 || file.dev !== device || file.ino !== inode) {
    throw new RangeError('it is not the file meant.');
  }
  if (offset + byteLength > file.size) {
    throw new RangeError(`it has ${file.size} bytes, fewer than the ${byteLength} from ${offset} that are named.`);
  }
}
