import fc from 'fast-check';
import { expect, test } from 'vitest';
import { extentOf } from '../../src/mesh/extent.ts';
import { ByteReader } from '../../src/wire/byte-reader.ts';
import { ByteWriter } from '../../src/wire/byte-writer.ts';
import { pack } from '../../src/wire/codec.ts';
import { Heading } from '../../src/wire/heading.ts';
import { type Message, readMessage, writeMessage } from '../../src/wire/message.ts';

const bytesOf = (message: Message): Buffer => {
  const writer = new ByteWriter();
  writeMessage(writer, message);
  return writer.take();
};

test('what is asked for comes as it was sent, with the carrier of its span', () => {
  const heading = new Heading('add', extentOf({ host: 2, worker: 4 }));
  const counts = fc.maxSafeNat();
  const carriers = fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined });
  fc.assert(
    fc.property(counts, counts, counts, carriers, (id, actor, timeoutMs, carrier) => {
      const messages: Message[] = [
        ['call', id, actor, heading, 3, timeoutMs, carrier],
        ['stream', id, actor, heading, 3, timeoutMs, carrier, actor],
        ['cast', actor, heading, 3, carrier],
        ['cancel', id, 'abort'],
        ['credit', id, actor],
        ['value', id],
        ['release', id],
      ];
      for (const message of messages) {
        const reader = new ByteReader(bytesOf(message));
        expect(readMessage(reader)).toEqual(message);
        expect(reader.isDone).toBe(true);
      }
    }),
  );
});

test('a heading that is none is refused', () => {
  const call = (heading: unknown): Uint8Array => {
    const writer = new ByteWriter();
    for (const count of [0, 1, 2]) writer.count(count);
    writer.sized(pack(heading));
    for (const count of [0, 0, 0]) writer.count(count);
    return writer.take();
  };
  expect(readMessage(new ByteReader(call(['f', ['a'], [2]])))).toMatchObject({
    3: { endpoint: 'f', extent: { labels: ['a'], sizes: [2] } },
  });
  for (const heading of [
    7,
    [1, [], []],
    ['f', [1], [1]],
    ['f', ['a'], ['b']],
    ['f', ['a'], [0]],
    ['f', ['a', 'a'], [1, 1]],
  ])
    expect(() => readMessage(new ByteReader(call(heading)))).toThrow(
      expect.objectContaining({ code: 'ERR_MONARCH_DECODE' }),
    );
});

test('a count takes a byte for each seven bits, and none is larger than the largest safe integer', () => {
  const written = (count: number): Uint8Array => {
    const writer = new ByteWriter();
    writer.count(count);
    return writer.take();
  };
  expect([0, 127, 128, 2 ** 31, 2 ** 35 - 1, Number.MAX_SAFE_INTEGER].map((n) => written(n).length)).toEqual([
    1, 1, 2, 5, 5, 8,
  ]);
  for (const bytes of [[...Array(7).fill(0xff), 0x7f], Array(9).fill(0x80), [0x80]])
    expect(() => new ByteReader(Uint8Array.from(bytes)).count()).toThrow(
      expect.objectContaining({ code: 'ERR_MONARCH_DECODE' }),
    );
});
