import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OversizeError } from '../../src/errors.ts';
import { extentOf } from '../../src/mesh/extent.ts';
import { decode, encode } from '../../src/wire/codec.ts';
import { Heading } from '../../src/wire/heading.ts';
import { Inbox } from '../../src/wire/inbox.ts';
import { CHUNK_BYTES, MAX_BUFFER_BYTES, MAX_TRANSFERS } from '../../src/wire/limits.ts';
import type { Message } from '../../src/wire/message.ts';
import { Outbox } from '../../src/wire/outbox.ts';
import type { Packet } from '../../src/wire/packet.ts';
import { bytesOf } from '../../src/wire/views.ts';

const headed = (endpoint: string) => new Heading(endpoint, extentOf({}));
const cast = (actor: number, name: string): Message => ['cast', actor, headed(name), 0, undefined];
const LARGE = 4 * CHUNK_BYTES;

/** Sends `outbox` empty; what comes out of an inbox, after each frame. */
function flow(outbox: Outbox, inbox = new Inbox(), frames = Number.POSITIVE_INFINITY): Packet[][] {
  const arrived: Packet[][] = [];
  for (let i = 0; i < frames; i++) {
    const parts = outbox.next(0);
    if (parts === undefined) break;
    const packets: Packet[] = [];
    inbox.read(new Uint8Array(Buffer.concat(parts)), 0, (packet) => packets.push(packet));
    arrived.push(packets);
  }
  return arrived;
}

/** What a request asks for. */
const asked = ({ message }: Packet) =>
  message[0] === 'call' ? message[3].endpoint : message[0] === 'cast' ? message[2].endpoint : undefined;
const names = (arrived: Packet[][]) => arrived.flat().map(asked);

describe('packets on their way', () => {
  test('come out as they went in, whatever the sizes of their buffers', () => {
    const sizes = fc.array(fc.oneof(fc.nat(100), fc.constantFrom(CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1)), {
      maxLength: 6,
    });
    const survives = fc.property(fc.array(sizes, { maxLength: 4 }), (packets) => {
      const outbox = new Outbox();
      const sent = packets.map((lengths) => lengths.map((length, i) => new Int8Array(length).fill(i)));
      for (const [i, value] of sent.entries()) outbox.push({ message: ['item', i + 1], payload: encode(value) });
      const arrived = flow(outbox).flat();
      for (const { message, payload } of arrived) {
        const value = decode(payload) as Int8Array[];
        const expected = sent[Number(message[1]) - 1] ?? [];
        expect(value.length).toBe(expected.length);
        expect(value.every((array, i) => Buffer.compare(bytesOf(array), bytesOf(expected[i]!)) === 0)).toBe(true);
      }
      expect(arrived).toHaveLength(sent.length);
      expect(outbox.isEmpty).toBe(true);
    });
    fc.assert(survives, { numRuns: 40 });
  });

  test('small ones overtake a large one, but not of their own channel', () => {
    const outbox = new Outbox();
    outbox.push({ message: cast(1, 'large'), payload: encode(new Uint8Array(LARGE)) });
    outbox.push({ message: cast(1, 'behind'), payload: encode(1) });
    const inbox = new Inbox();
    expect(flow(outbox, inbox, 2).flat()).toEqual([]);
    outbox.push({ message: cast(2, 'small'), payload: encode(1) });
    expect(names(flow(outbox, inbox, 2))).toEqual(['small']);
    expect(names(flow(outbox, inbox))).toEqual(['large', 'behind']);
  });

  test('large ones take turns', () => {
    const outbox = new Outbox();
    outbox.push({ message: cast(1, 'larger'), payload: encode(new Uint8Array(2 * LARGE)) });
    outbox.push({ message: cast(2, 'large'), payload: encode(new Uint8Array(LARGE)) });
    expect(names(flow(outbox))).toEqual(['large', 'larger']);
  });

  test('requests to end something come after all that was sent before, others to the process do not wait', () => {
    const ask = (id: number, name: string): Message => ['call', id, 0, headed(name), 0, 0, undefined];
    const outbox = new Outbox();
    outbox.push({ message: cast(1, 'large'), payload: encode(new Uint8Array(LARGE)) });
    outbox.push({ message: ask(1, 'stop'), payload: encode(new Uint8Array(LARGE)) });
    outbox.push({ message: ask(2, 'leave'), payload: encode(1) });
    outbox.push({ message: ask(3, 'look'), payload: encode(1) });
    outbox.push({ message: cast(2, 'small'), payload: encode(1) });
    const arrived = flow(outbox).flat();
    expect(arrived.map(asked)).toEqual(['look', 'small', 'large', 'stop', 'leave']);
  });

  test('what takes the place of a cancelled call begins after that is given up', () => {
    const outbox = new Outbox();
    const inbox = new Inbox();
    const call = (id: number): Message => ['call', id, id, headed('load'), 0, 0, undefined];
    for (let id = 1; id <= 2 * MAX_TRANSFERS; id++) {
      outbox.push({ message: call(id), payload: encode(new Uint8Array(3 * CHUNK_BYTES)) });
    }
    flow(outbox, inbox, MAX_TRANSFERS);
    expect(inbox.arriving).toBe(MAX_TRANSFERS);
    // After it the turn is that of the large ones.
    outbox.push({ message: cast(1_000, 'small'), payload: encode(1) });
    expect(names(flow(outbox, inbox, 1))).toEqual(['small']);
    for (let id = 1; id <= MAX_TRANSFERS; id++) outbox.drop('request', id);
    expect(flow(outbox, inbox).flat()).toHaveLength(MAX_TRANSFERS);
    expect(inbox.arriving).toBe(0);
  });

  test('a cancelled call sends no more of its chunks, and both sides forget it', () => {
    const outbox = new Outbox();
    const inbox = new Inbox();
    outbox.push({
      message: ['call', 1, 1, headed('load'), 0, 0, undefined],
      payload: encode(new Uint8Array(100 * CHUNK_BYTES)),
    });
    outbox.push({ message: ['call', 2, 1, headed('next'), 0, 0, undefined], payload: encode(1) });
    flow(outbox, inbox, 2);
    expect(inbox.arriving).toBe(1);
    outbox.push({ message: ['cancel', 1, 'abort'], payload: encode(undefined) });
    const rest = flow(outbox, inbox);
    expect(rest.length).toBeLessThan(4);
    expect(rest.flat().map(({ message }) => message.slice(0, 2))).toEqual([
      ['call', 2],
      ['cancel', 1],
    ]);
    expect(inbox.arriving).toBe(0);
  });

  test('an answer that nobody waits for any more is not sent on', () => {
    const outbox = new Outbox();
    outbox.push({ message: ['value', 1], payload: encode(new Uint8Array(100 * CHUNK_BYTES)) });
    outbox.push({ message: ['value', 2], payload: encode(1) });
    outbox.drop('request', 1);
    expect(outbox.isEmpty).toBe(false);
    outbox.drop('answer', 1);
    expect(flow(outbox).flat()).toHaveLength(1);
  });
});

describe('limits', () => {
  test('a typed array beyond them is refused where it is sent, before it is copied', () => {
    const whole = new Uint8Array(MAX_BUFFER_BYTES + 1);
    expect(() => encode([{ weights: whole }])).toThrow(
      expect.objectContaining({ code: 'ERR_MONARCH_OVERSIZE', path: '[0].weights', bytes: MAX_BUFFER_BYTES + 1 }),
    );
    const part = whole.subarray(1);
    expect(() => encode([part, part, part, part])).toThrow(OversizeError);
  });
});
