import type { ByteBox } from '../byte-box.ts';
import { FrameError } from '../failures.ts';
import { maxBoxes, maxPayloadBytes } from './frame.ts';
import { sessionOf } from './transport.ts';

/** What a write frame says about its payload. */
export interface WriteRequest {
  readonly segment: string;
  readonly offset: number;
  /** Of the whole segment. */
  readonly bytes: number;
  /** The segment may exist; it is written anew. */
  readonly overwrites: boolean;
}

/** The dimensions of a box, its bytes included; tensors of more do not occur. */
const maxRank = 17;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function count(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new FrameError(`A request has ${JSON.stringify(value)} as ${what}; it must be a whole number of at least 0.`);
}

function counts(value: unknown, what: string): number[] {
  if (!Array.isArray(value) || value.length > maxRank)
    throw new FrameError(`A request has no list of numbers as ${what}.`);
  return value.map((each) => count(each, what));
}

function segmentName(value: unknown): string {
  if (typeof value === 'string' && sessionOf(value) !== undefined) return value;
  throw new FrameError(`A request names the segment ${JSON.stringify(value)}, which is not the name of one.`);
}

/** Checks the metadata of a write. @throws {FrameError} when it is malformed. */
export function parseWrite(meta: unknown): WriteRequest {
  if (!isObject(meta)) throw new FrameError('A write has no metadata.');
  const { segment, offset, bytes, overwrites } = meta;
  return {
    segment: segmentName(segment),
    offset: count(offset, 'an offset'),
    bytes: count(bytes, 'a length'),
    overwrites: overwrites === true,
  };
}

/** Checks the metadata of a seal; returns the segment. @throws {FrameError} when it is malformed. */
export function parseSeal(meta: unknown): string {
  return segmentName(isObject(meta) ? meta['segment'] : undefined);
}

/** Checks the metadata of a read before anything is allocated for it. @throws {FrameError} when it is malformed or asks for too much. */
export function parseRead(meta: unknown): { readonly boxes: readonly ByteBox[]; readonly bytes: number } {
  const list = isObject(meta) ? meta['boxes'] : undefined;
  if (!Array.isArray(list) || list.length > maxBoxes)
    throw new FrameError('A read has no list of boxes, or too long a one.');
  let bytes = 0;
  const boxes = list.map((box: unknown): ByteBox => {
    if (!isObject(box)) throw new FrameError('A read has a box that is not one.');
    const size = counts(box['size'], 'a size');
    bytes += size.reduce((product, extent) => product * extent, 1);
    return {
      segment: segmentName(box['segment']),
      byteOffset: count(box['byteOffset'], 'an offset'),
      shape: counts(box['shape'], 'a shape'),
      offset: counts(box['offset'], 'an offset'),
      size,
    };
  });
  if (bytes > maxPayloadBytes) throw new FrameError(`A read asks for ${bytes} bytes, more than fit a frame.`);
  return { boxes, bytes };
}
