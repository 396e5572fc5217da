import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteBox, byteCount, segmentStart } from '../byte-box.ts';
import { isInMemory, mappedFiles } from '../mapped-files.ts';
import { SegmentReader } from '../segment-file.ts';
import { maxPayloadBytes } from './frame.ts';

/** Bytes that were asked for. They stay as they are until they are released. */
export interface SegmentReply {
  readonly payload: Uint8Array;
  readonly release: () => void;
}

/** Below this a copy costs less than looking for a mapping. */
const minMappedBytes = 2 ** 16;

/** Reads what one client asks for: as the pages themselves where memory is mapped, else in buffers that are used again. */
export class SegmentReplies {
  readonly #directory: string;
  readonly #isInMemory: boolean;
  /** Fresh memory for every answer costs more than the copy into it. */
  readonly #buffers: Uint8Array[] = [];

  constructor(directory: string) {
    this.#directory = directory;
    this.#isInMemory = isInMemory(directory);
  }

  /** The bytes of some boxes, side by side. @throws an error with code ENOENT when a segment is gone */
  async read(boxes: readonly ByteBox[], bytes: number): Promise<SegmentReply> {
    const [box] = boxes;
    if (box !== undefined && boxes.length === 1 && bytes >= minMappedBytes && this.#isInMemory) {
      const reply = this.#pagesOf(box, bytes);
      if (reply !== undefined) return reply;
    }
    return this.#copyOf(boxes, bytes);
  }

  #pagesOf(box: ByteBox, bytes: number): SegmentReply | undefined {
    const start = segmentStart(box);
    if (start === undefined) return undefined;
    const descriptor = openSync(join(this.#directory, box.segment), 'r+');
    try {
      const mapped = mappedFiles.open(descriptor);
      if (mapped === undefined) return undefined;
      const payload = mapped.bytes.subarray(start, start + bytes);
      if (payload.length === bytes) return { payload, release: () => mapped[Symbol.dispose]() };
      mapped[Symbol.dispose]();
      return undefined; // the copy says what is missing
    } finally {
      closeSync(descriptor);
    }
  }

  async #copyOf(boxes: readonly ByteBox[], bytes: number): Promise<SegmentReply> {
    const buffer = this.#buffers.pop() ?? Buffer.allocUnsafeSlow(maxPayloadBytes);
    const payload = buffer.subarray(0, bytes);
    let start = 0;
    // Small tensors lie side by side in one segment: it is opened once for all of them.
    for (const [segment, own] of runsBySegment(boxes)) {
      using reader = new SegmentReader(join(this.#directory, segment));
      for (const box of own) {
        const end = start + byteCount(box);
        const target = payload.subarray(start, end);
        await reader.fetch({ box, target, targetShape: box.size, targetOffset: box.size.map(() => 0) });
        start = end;
      }
    }
    return { payload, release: () => this.#buffers.push(buffer) };
  }
}

function runsBySegment(boxes: readonly ByteBox[]): (readonly [segment: string, boxes: ByteBox[]])[] {
  const runs: (readonly [string, ByteBox[]])[] = [];
  for (const box of boxes) {
    const last = runs.at(-1);
    if (last?.[0] === box.segment) last[1].push(box);
    else runs.push([box.segment, [box]]);
  }
  return runs;
}
