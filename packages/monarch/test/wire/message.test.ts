import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader } from '../../src/wire/byte-reader.ts';
import { ByteWriter } from '../../src/wire/byte-writer.ts';
import { type Message, readMessage, writeMessage } from '../../src/wire/message.ts';

const bytesOf = (message: Message): Buffer => {
  const writer = new ByteWriter();
  writeMessage(writer, message);
  return writer.take();
};

test('what is asked for comes with the carrier of its span, and costs nothing without', () => {
  const position = [1, ['worker'], [4]] as const;
  fc.assert(
    fc.property(
      fc.nat(),
      fc.string(),
      fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined }),
      (n, name, carrier) => {
        const bare: Message[] = [
          ['call', n, n, name, position, n],
          ['stream', n, n, name, position, n, n],
          ['cast', n, name, position],
        ];
        for (const message of bare) {
          const sent = (carrier === undefined ? message : [...message, carrier]) as Message;
          const bytes = bytesOf(sent);
          expect(readMessage(new ByteReader(bytes))).toEqual(sent);
          const more = carrier === undefined ? 0 : 4 + Buffer.byteLength(carrier);
          expect(bytes.length).toBe(bytesOf(message).length + more);
        }
      },
    ),
  );
});

test('no other message has a carrier', () => {
  const bytes = bytesOf(['value', 7]);
  bytes[0] = bytes[0]! | 0x80;
  expect(() => readMessage(new ByteReader(bytes))).toThrow(expect.objectContaining({ code: 'ERR_MONARCH_DECODE' }));
});
