import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { DecodeError } from '../../src/errors.ts';
import { extentOf } from '../../src/mesh/extent.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { type Random, seededRandom } from '../../src/testing/random.ts';
import { decode, encode } from '../../src/wire/codec.ts';
import { HEADER_BYTES, writeHeader } from '../../src/wire/frame-header.ts';
import { packEnd, packHello } from '../../src/wire/handshake.ts';
import { Heading } from '../../src/wire/heading.ts';
import type { Message } from '../../src/wire/message.ts';
import { Outbox } from '../../src/wire/outbox.ts';
import type { Packet } from '../../src/wire/packet.ts';
import { Session } from '../../src/wire/session.ts';
import { Sessions } from '../../src/wire/sessions.ts';
import { upgradeRequest } from '../../src/wire/upgrade.ts';
import { bufferOf } from '../../src/wire/views.ts';
import { FrameReader, frameHeadBytes, writeFrameHead } from '../../src/wire/websocket-frames.ts';
import { mutate } from '../fixtures/mutate.ts';
import { linked, listening, QUIET } from '../fixtures/unix-sessions.ts';

const MEMORY_BYTES = 384 * 2 ** 20;

const POINT = extentOf({ host: 2, gpu: 4 }).point(3);
const VALUES: readonly unknown[] = [
  [1, 'two', { three: [3.5, null, undefined, true] }],
  [new Map([['k', new Set([1n, -(2n ** 70n)])]]), new Date(0), -0, '\ud800'],
  [Float64Array.of(1, 2, 3), new Uint8Array(100), new DataView(new ArrayBuffer(9))],
  [Object.assign(new RangeError('far', { cause: new Error('near') }), { code: 'E' }), POINT, POINT.extent],
  [JSON.parse('{"__proto__":1,"a":{"b":[{},{},{"c":{}}]}}')],
];
const LOAD = new Heading('load', extentOf({}));
const MESSAGES: readonly Message[] = [
  ['call', 1, 3, new Heading('step', extentOf({ gpu: 2 })), 0, 0, undefined],
  ['stream', 2, 3, new Heading('items', POINT.extent), 1, 5_000, '{"traceparent":"00-0"}', 16],
  ['cast', 0, new Heading('failed', extentOf({})), 0, undefined],
  ['cancel', 7, 'timeout'],
  ['credit', 7, 8],
  ...(['value', 'error', 'failure', 'item', 'end'] as const).map((tag): Message => [tag, 9]),
];

/** Frames that a session sends, of every kind. */
function realFrames(): Uint8Array[] {
  const outbox = new Outbox();
  const frames: Uint8Array[] = [packEnd({ code: 'closed', reason: 'it was closed.', after: 3 })];
  const take = () => {
    for (let parts = outbox.next(HEADER_BYTES); parts !== undefined; parts = outbox.next(HEADER_BYTES)) {
      parts[0][0] = 3;
      frames.push(new Uint8Array(Buffer.concat(parts)));
    }
  };
  for (const [i, message] of MESSAGES.entries()) {
    outbox.push({ message, payload: encode(VALUES[i % VALUES.length]) });
    if (i % 3 !== 0) take();
  }
  // In chunks; one is abandoned half way.
  const large = new Uint8Array(66_000).fill(7);
  outbox.push({ message: ['call', 20, 5, LOAD, 0, 0, undefined], payload: encode([large, large.subarray(3, 9)]) });
  outbox.push({ message: ['call', 21, 6, LOAD, 0, 0, undefined], payload: encode([new Uint8Array(300_000)]) });
  const opening = outbox.next(HEADER_BYTES);
  if (opening !== undefined) frames.push(new Uint8Array(Buffer.concat(opening)).subarray(0, 2_000));
  outbox.drop('request', 21);
  take();
  // Long ones only take long.
  return frames.filter((frame) => frame.length < 700);
}

/** What a decoder does with a value that came: it is one, or a DecodeError. */
function decoded({ payload }: Packet): void {
  try {
    decode(payload);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
}

/** A session that is fed, and how it ended. */
function victim() {
  const end: { reason?: string; cause?: Error | undefined } = {};
  let packets = 0;
  const onPacket = (packet: Packet) => {
    packets++;
    decoded(packet);
  };
  const onClose = (reason: string, cause?: Error) => Object.assign(end, { reason, cause });
  const session = new Session({ clock: manualClock(), resumeMs: 0, events: { onPacket, onClose } });
  session.attach({ bufferedBytes: 0, send: () => {}, close: () => {} }, 0);
  return { session, end, packets: () => packets };
}

function bounded(beforeBytes: number): void {
  expect(process.memoryUsage().rss - beforeBytes).toBeLessThan(MEMORY_BYTES);
}

describe('damaged frames', () => {
  // Most of the time would go into traces that nobody reads.
  const { stackTraceLimit } = Error;
  beforeAll(() => void Object.assign(Error, { stackTraceLimit: 0 }));
  afterAll(() => void Object.assign(Error, { stackTraceLimit }));

  test('200,000 end their session with a DecodeError, or do no harm', () => {
    const random = seededRandom(20);
    const frames = realFrames();
    const before = process.memoryUsage().rss;
    const reasons = new Set<string>();
    let [ended, packets] = [0, 0];
    let current = victim();
    let seq = 0;
    for (let count = 0; count < 200_000; count++) {
      const frame = mutate(random.pick(frames), random.pick(frames), random);
      // Mostly the number that is due: damage must get past the header.
      if (frame[0] === 3 && frame.length >= HEADER_BYTES && random.chance(0.95)) {
        writeHeader(bufferOf(frame), 3, { seq: seq + 1, ack: 0 });
      }
      current.session.frame(frame);
      seq = current.session.received;
      if (!current.session.hasEnded) continue;
      const { reason = '', cause } = current.end;
      const isClosed = reason.startsWith('the other side');
      if (!isClosed && !(cause instanceof DecodeError)) expect.unreachable(`${reason} ${String(cause)}`);
      reasons.add(reason.replaceAll(/[\d.,e+-]+/g, '#').slice(0, 60));
      ended++;
      packets += current.packets();
      current = victim();
      seq = 0;
    }
    bounded(before);
    // The damage was of many kinds, and much of it was deep.
    expect(ended).toBeGreaterThan(30_000);
    expect(packets).toBeGreaterThan(15_000);
    expect(reasons.size).toBeGreaterThan(20);
  });

  test('100,000 pieces of a damaged stream end it with a DecodeError, or come out as frames', () => {
    const random = seededRandom(21);
    const streams = realFrames().map((frame) => {
      const head = Buffer.alloc(frameHeadBytes(frame.length, true));
      writeFrameHead(head, frame.length, true);
      return new Uint8Array(Buffer.concat([head, frame.subarray(0, 200)]));
    });
    const before = process.memoryUsage().rss;
    let [ended, came] = [0, 0];
    const open = () => new FrameReader({ onFrame: () => came++, onPing: () => {}, onClose: () => {} });
    let reader = open();
    for (let count = 0; count < 100_000; count++) {
      try {
        reader.push(mutate(random.pick(streams), random.pick(streams), random));
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        ended++;
        reader = open();
      }
    }
    bounded(before);
    expect(ended).toBeGreaterThan(3_000);
    expect(came).toBeGreaterThan(300);
  });

  test('40,000 first frames are refused, or open a session', () => {
    const random = seededRandom(22);
    const hello = packHello({ from: '0.1', to: 'b', session: 'a nonce', received: 0, resumes: false });
    const before = process.memoryUsage().rss;
    let [opened, refused] = [0, 0];
    const accept = () => ({ ...QUIET, onOpen: () => void opened++ });
    for (let count = 0; count < 40_000; count++) {
      const sessions = new Sessions({ id: 'b', clock: manualClock(), nonce: () => 'n', accept });
      const close = () => refused++;
      sessions.accept({ bufferedBytes: 0, send: () => {}, close }).onFrame(mutate(hello, hello, random));
    }
    bounded(before);
    expect(opened + refused).toBe(40_000);
    expect(Math.min(opened, refused)).toBeGreaterThan(2_000);
  });
});

test('connections that send garbage are closed, each with its reason, and others go on', async () => {
  const random = seededRandom(23);
  const ends: (Error | undefined)[] = [];
  const { directory, path, next } = await listening({ onClose: (_, cause) => void ends.push(cause) });
  const innocent = await linked(directory);
  const frames = realFrames();
  for (let i = 0; i < 300; i++) {
    await misbehave(path, i, random, frames);
    if (i % 10 !== 0) continue;
    innocent.send({ message: ['value', i + 1], payload: encode(i) });
    expect((await next()).message).toEqual(['value', i + 1]);
  }
  expect(ends.filter((cause) => cause instanceof DecodeError).length).toBeGreaterThan(80);
});

/** Opens a connection, sends a hello (but for every third time) and then damage, until it is closed. */
async function misbehave(path: string, i: number, random: Random, frames: readonly Uint8Array[]): Promise<void> {
  const stream = connect(path);
  onTestFinished(() => void stream.destroy());
  stream.on('error', () => {}).resume();
  const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()));
  const send = (frame: Uint8Array) => {
    const head = Buffer.alloc(frameHeadBytes(frame.length, true));
    writeFrameHead(head, frame.length, true);
    stream.write(Buffer.concat([head, frame]));
  };
  stream.write(upgradeRequest('localhost', '/').text);
  if (i % 3 !== 0) {
    send(packHello({ from: `0.${i}`, to: 'b', session: `s${i}`, received: 0, resumes: false }));
  }
  if (i % 2 === 0) send(mutate(random.pick(frames), random.pick(frames), random));
  else stream.write(Uint8Array.from({ length: 64 }, () => random.below(256)));
  // A part of a frame may be waited for: no more comes.
  stream.end();
  await closed;
}
