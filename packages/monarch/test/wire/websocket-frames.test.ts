import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_FRAME_BYTES } from '../../src/wire/limits.ts';
import { FrameReader, frameHeadBytes, writeFrameHead } from '../../src/wire/websocket-frames.ts';

function framed(content: Uint8Array, isClient: boolean): Buffer {
  const head = Buffer.alloc(frameHeadBytes(content.length, isClient));
  expect(writeFrameHead(head, content.length, isClient)).toBe(head.length);
  return Buffer.concat([head, content]);
}

/** What comes out of a stream that is read in pieces. */
function read(stream: Uint8Array, pieceBytes = stream.length): unknown[] {
  const came: unknown[] = [];
  const reader = new FrameReader({
    onFrame: (frame) => came.push(frame.slice()),
    onPing: () => came.push('ping'),
    onClose: () => came.push('close'),
  });
  for (let at = 0; at < stream.length; at += pieceBytes) reader.push(stream.subarray(at, at + pieceBytes));
  return came;
}

describe('frames of a WebSocket', () => {
  const length = fc.oneof(fc.nat(300), fc.constantFrom(0, 125, 126, 65_535, 65_536, 100_000));

  test('come out of a stream as they went in, however it is cut', () => {
    const survives = fc.property(
      fc.array(length, { maxLength: 5 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 70_000 }),
      (lengths, isClient, pieceBytes) => {
        const sent = lengths.map((bytes, i) => new Uint8Array(bytes).fill(i + 1));
        const stream = Buffer.concat(sent.map((content) => framed(content, isClient)));
        const came = read(stream, Math.max(pieceBytes, Math.ceil(stream.length / 5_000))) as Uint8Array[];
        expect(came.map((frame) => frame.length)).toEqual(lengths);
        expect(came.every((frame, i) => Buffer.compare(frame, sent[i]!) === 0)).toBe(true);
      },
    );
    fc.assert(survives, { numRuns: 100 });
  });

  test('a mask that a client chose is taken off', () => {
    const masked = Buffer.from([0x82, 0x83, 1, 2, 3, 4, 0x61 ^ 1, 0x62 ^ 2, 0x63 ^ 3]);
    expect(read(masked)).toEqual([new TextEncoder().encode('abc')]);
  });

  test('a ping and a close are told', () => {
    expect(read(Buffer.from([0x89, 0, 0x8a, 0, 0x88, 0]))).toEqual(['ping', 'close']);
  });

  test.each([
    ['cut into several', [0x02, 1, 0], /several frames/],
    ['of text', [0x81, 1, 0], /kind 1/],
    ['with reserved bits', [0xc2, 1, 0], /reserved/],
    ['of control that is long', [0x89, 126, 1, 0], /more than 125/],
    ['above the limit', [0x82, 127, 0, 0, 0, 0, 0xff, 0, 0, 0], new RegExp(`more than ${MAX_FRAME_BYTES}`)],
  ])('one %s is refused', (_, bytes, problem) => {
    expect(() => read(Buffer.from(bytes))).toThrow(
      expect.objectContaining({ code: 'ERR_MONARCH_DECODE', message: expect.stringMatching(problem) }),
    );
  });
});
