import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { joinChecksums } from '../src/checksum.ts';
import { FrameError } from '../src/index.ts';
import { pour } from '../src/transport/byte-sink.ts';
import { decodeHead, encodeHead, type FrameHead, lengthsOf, maxPayloadBytes } from '../src/transport/frame.ts';
import { MessageReader } from '../src/transport/message-reader.ts';
import { parseRead, parseSeal, parseWrite } from '../src/transport/requests.ts';
import { decodeWebSocketHead, encodeWebSocketHead, unmask } from '../src/transport/websocket-head.ts';

interface Message {
  readonly head: FrameHead;
  readonly payload: Uint8Array;
}

const messages: fc.Arbitrary<Message> = fc
  .record({
    type: fc.constantFrom('write', 'written', 'read', 'data', 'failed', 'seal'),
    request: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    meta: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.nat())).map((each) => ({ ...each })),
    payload: fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ minLength: 70_000, maxLength: 70_100 })),
    isChecked: fc.boolean(),
  })
  .map(({ payload, isChecked, ...rest }) => {
    const checksum = isChecked ? crc32(payload) : undefined;
    return { payload, head: { ...rest, payloadBytes: payload.length, checksum } };
  });

/** A message as it travels, its WebSocket frame masked as a client of another make would. */
function onTheWire({ head, payload }: Message, mask = 0): Buffer {
  const content = Buffer.concat([encodeHead(head), payload]);
  const webSocketHead = encodeWebSocketHead('binary', content.length, mask === 0 ? 'server' : 'client');
  if (mask !== 0) Buffer.from(webSocketHead.buffer).writeUInt32BE(mask, webSocketHead.length - 4);
  unmask(content, mask, 0);
  return Buffer.concat([webSocketHead, content]);
}

/** What a reader makes of bytes that arrive in pieces. */
function read(bytes: Uint8Array, cuts: readonly number[] = []): Message[] {
  const got: Message[] = [];
  const reader = new MessageReader({
    onHead: ({ payloadBytes }) => new Uint8Array(payloadBytes),
    onMessage: (head, payload) => got.push({ head, payload }),
    onPing: () => {},
    onClose: () => {},
  });
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  for (const [index, end] of ends.entries()) pour(bytes.subarray(index === 0 ? 0 : ends[index - 1], end), reader);
  return got;
}

test('messages survive any fragmentation of the stream, and any mask', () => {
  const masks = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 32 - 1 }));
  fc.assert(
    fc.property(
      fc.array(messages, { maxLength: 4 }),
      masks,
      fc.array(fc.nat(), { maxLength: 6 }),
      (each, mask, cuts) => {
        const stream = Buffer.concat(each.map((message) => onTheWire(message, mask)));
        expect(read(stream, cuts)).toEqual(each);
      },
    ),
    { numRuns: 60 },
  );
});

test('a stream that ends early brings fewer messages, and none that is not whole', () => {
  fc.assert(
    fc.property(messages, fc.nat(), (message, at) => {
      const stream = onTheWire(message);
      expect(read(stream.subarray(0, at % stream.length))).toEqual([]);
    }),
  );
});

test('any flipped bit of a message with checksums is an error, or the message does not become whole', () => {
  fc.assert(
    fc.property(messages, fc.nat(), ({ head, payload }, at) => {
      const stream = onTheWire({ payload, head: { ...head, checksum: crc32(payload) } });
      const start = decodeWebSocketHead(stream, 2 ** 21)!.headBytes;
      const bit = 8 * start + (at % ((stream.length - start) * 8));
      stream[bit >> 3] = stream[bit >> 3]! ^ (1 << (bit & 7));
      expect(() => read(stream)).toThrow(FrameError);
    }),
  );
});

test('the checksum of two stretches together follows from theirs', () => {
  const stretch = fc.uint8Array({ maxLength: 5000 });
  fc.assert(
    fc.property(stretch, stretch, (a, b) => {
      expect(joinChecksums(crc32(a), crc32(b), b.length)).toBe(crc32(Buffer.concat([a, b])));
    }),
  );
  const zeros = new Uint8Array(2 ** 24 + 3);
  expect(joinChecksums(crc32('a'), crc32(zeros), zeros.length)).toBe(crc32(zeros, crc32('a')));
});

test('the layout of a frame never changes', () => {
  const payload = Uint8Array.of(9, 8);
  const head = { type: 'write', request: 0x01020304, meta: { a: 1 }, payloadBytes: 2, checksum: undefined } as const;
  const bytes = (checksum: number | undefined) => Buffer.from(encodeHead({ ...head, checksum })).toString('hex');
  const fixed = `${'04030201'}${'07000000'}${'02000000'}`;
  expect(bytes(undefined)).toBe(`03010000${fixed}${'00000000'}${'00000000'}${'7b2261223a317d'}`);
  expect(bytes(crc32(payload))).toBe(`03010100${fixed}${'8421c09e'}${'72bd5a9f'}${'7b2261223a317d'}`);
});

describe('limits', () => {
  const head = { type: 'write', request: 1, meta: {}, checksum: undefined } as const;

  test('an oversize payload is refused on both sides', () => {
    const payloadBytes = maxPayloadBytes + 1;
    expect(() => encodeHead({ ...head, payloadBytes })).toThrow(FrameError);
    const forged = encodeHead({ ...head, payloadBytes: maxPayloadBytes });
    new DataView(forged.buffer).setUint32(12, payloadBytes, true);
    expect(() => lengthsOf(forged)).toThrow(FrameError);
  });

  test('lengths that contradict each other are refused before memory is taken for them', () => {
    const content = encodeHead({ ...head, payloadBytes: 100 });
    const lie = Buffer.concat([encodeWebSocketHead('binary', content.length + 99, 'client'), content]);
    expect(() => read(lie)).toThrow('announced 126 bytes and brought 125');
    const huge = encodeWebSocketHead('binary', 2 ** 40, 'client');
    expect(() => read(huge)).toThrow(FrameError);
  });

  test.each([0x81, 0x02, 0x80, 0xc2, 0x8b])('a WebSocket frame that begins with byte %i is refused', (first) => {
    expect(() => read(Uint8Array.of(first, 0))).toThrow(FrameError);
  });

  test('flags and types that are not understood are refused', () => {
    const encoded = () => encodeHead({ ...head, payloadBytes: 0 });
    expect(() => decodeHead(encoded().fill(2, 2, 3))).toThrow('flags');
    expect(() => decodeHead(encoded().fill(99, 1, 2))).toThrow('type 99');
    expect(() => lengthsOf(encoded().fill(2, 0, 1))).toThrow('version 2');
    expect(() => decodeHead(encoded().fill(0, 24))).toThrow('not JSON');
  });

  test('a read of more than a frame is refused before it is allocated', () => {
    const box = { segment: 's/1', byteOffset: 0, shape: [2 ** 40], offset: [0], size: [2 ** 40] };
    expect(() => parseRead({ boxes: [box] })).toThrow(FrameError);
    expect(() => parseRead({ boxes: Array.from({ length: 513 }, () => ({ ...box, size: [0] })) })).toThrow(FrameError);
    expect(parseRead({ boxes: [{ ...box, size: [16] }] }).bytes).toBe(16);
  });

  test.each(['../../etc/passwd', 's/../1', '/s/1', 's', 's/x', ''])('%j is not the name of a segment', (segment) => {
    expect(() => parseWrite({ segment, offset: 0, bytes: 1 })).toThrow(FrameError);
    expect(() => parseSeal({ segment })).toThrow(FrameError);
  });

  test.each([null, 3, {}, { boxes: 3 }, { boxes: [null] }, { boxes: [{ segment: 's/1', size: [-1] }] }])(
    '%j is not a read',
    (meta) => {
      expect(() => parseRead(meta)).toThrow(FrameError);
    },
  );
});
