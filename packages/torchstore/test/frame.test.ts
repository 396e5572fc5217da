import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameError } from '../src/index.ts';
import { decodeFrame, encodeHead, type Frame, maxPayloadBytes } from '../src/transport/frame.ts';
import { parseRead, parseWrite } from '../src/transport/requests.ts';

const frames: fc.Arbitrary<Frame> = fc.record({
  type: fc.constantFrom('write', 'written', 'read', 'data', 'failed'),
  request: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  meta: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.nat())).map((each) => ({ ...each })),
  payload: fc.uint8Array({ maxLength: 300 }),
  isChecked: fc.boolean(),
});

test('a frame survives any fragmentation', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.nat(400), { maxLength: 3 }), (frame, cuts) => {
      const whole = Buffer.concat([encodeHead(frame), frame.payload]);
      const ends = [...cuts.map((cut) => Math.min(cut, whole.length)), whole.length].sort((a, b) => a - b);
      const fragments = ends.map((end, index) => whole.subarray(index === 0 ? 0 : ends[index - 1], end));
      const decoded = decodeFrame(fragments);
      expect({ ...decoded, payload: Uint8Array.from(decoded.payload) }).toEqual(frame);
    }),
  );
});

test('any truncation is an error', () => {
  fc.assert(
    fc.property(frames, fc.nat(), (frame, at) => {
      const whole = Buffer.concat([encodeHead(frame), frame.payload]);
      expect(() => decodeFrame([whole.subarray(0, at % whole.length)])).toThrow(FrameError);
    }),
  );
});

test('any flipped bit of a frame with a checksum is an error', () => {
  fc.assert(
    fc.property(frames, fc.nat(), (frame, at) => {
      const whole = Buffer.concat([encodeHead({ ...frame, isChecked: true }), frame.payload]);
      const bit = at % (whole.length * 8);
      whole[bit >> 3] = whole[bit >> 3]! ^ (1 << (bit & 7));
      expect(() => decodeFrame([whole])).toThrow(FrameError);
    }),
  );
});

test('the layout of a frame never changes', () => {
  const frame: Frame = {
    type: 'write',
    request: 0x01020304,
    meta: { a: 1 },
    payload: Uint8Array.of(9, 8),
    isChecked: false,
  };
  const bytes = Buffer.concat([encodeHead(frame), frame.payload]);
  expect(bytes.toString('hex')).toBe(
    `02010000${'04030201'}${'07000000'}${'02000000'}${'00000000'}${'7b2261223a317d'}${'0908'}`,
  );
});

describe('limits', () => {
  test('an oversize payload is refused on both sides', () => {
    const payload = new Uint8Array(maxPayloadBytes + 1);
    expect(() => encodeHead({ type: 'write', request: 1, meta: {}, payload, isChecked: false })).toThrow(FrameError);
    const forged = encodeHead({ type: 'write', request: 1, meta: {}, payload: payload.subarray(1), isChecked: false });
    new DataView(forged.buffer).setUint32(12, payload.length, true);
    expect(() => decodeFrame([forged, payload])).toThrow(FrameError);
  });

  test('a read of more than a frame is refused before it is allocated', () => {
    const box = { segment: 's/1', byteOffset: 0, shape: [2 ** 40], offset: [0], size: [2 ** 40] };
    expect(() => parseRead({ boxes: [box] })).toThrow(FrameError);
    expect(() => parseRead({ boxes: Array.from({ length: 513 }, () => ({ ...box, size: [0] })) })).toThrow(FrameError);
    expect(parseRead({ boxes: [{ ...box, size: [16] }] }).bytes).toBe(16);
  });

  test.each(['../../etc/passwd', 's/../1', '/s/1', 's', 's/x', ''])('%j is not the name of a segment', (segment) => {
    expect(() => parseWrite({ segment, offset: 0, isLast: false })).toThrow(FrameError);
  });

  test.each([null, 3, {}, { boxes: 3 }, { boxes: [null] }, { boxes: [{ segment: 's/1', size: [-1] }] }])(
    '%j is not a read',
    (meta) => {
      expect(() => parseRead(meta)).toThrow(FrameError);
    },
  );
});
