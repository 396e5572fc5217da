import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameReader } from '../src/frame-reader.ts';
import { encodeFrame, FRAME, type FrameType } from '../src/frames.ts';

const frame = fc.record({
  type: fc.constantFrom(...Object.values(FRAME)),
  payload: fc.uint8Array({ maxLength: 40 }),
});

/** Bytes in pieces that end anywhere. */
function* piecesOf(bytes: Uint8Array, cuts: readonly number[]): Generator<Buffer> {
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((a, b) => a - b);
  for (const [i, end] of [...ends, bytes.length].entries()) yield Buffer.from(bytes.subarray(ends[i - 1] ?? 0, end));
}

async function readAll(reader: FrameReader): Promise<readonly { type: number; payload: number[] }[]> {
  const frames = [];
  for (let next = await reader.next(); typeof next === 'object'; next = await reader.next()) {
    frames.push({ type: next.type, payload: [...next.payload] });
  }
  return frames;
}

test('frames arrive as they were sent, however the stream is cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 12 }), async (frames, cuts) => {
      const bytes = Buffer.concat(frames.map(({ type, payload }) => encodeFrame(type as FrameType, payload)));
      const reader = new FrameReader(Readable.from(piecesOf(bytes, cuts)), 40);
      expect(await readAll(reader)).toEqual(frames.map(({ type, payload }) => ({ type, payload: [...payload] })));
    }),
  );
});

test('what is left of a frame that was cut off is dropped', async () => {
  const bytes = encodeFrame(FRAME.stdout, new Uint8Array(10)).subarray(0, 12);
  expect(await readAll(new FrameReader(Readable.from([Buffer.from(bytes)]), 40))).toEqual([]);
});

test('a frame that is larger than agreed ends the stream before it has arrived', async () => {
  const heading = encodeFrame(FRAME.stdout, new Uint8Array(41)).subarray(0, 5);
  const endless = new Readable({ read() {} });
  endless.push(Buffer.from(heading));
  const reader = new FrameReader(endless, 40);
  expect([await reader.next(), await reader.next()]).toEqual(['tooLarge', 'ended']);
});
