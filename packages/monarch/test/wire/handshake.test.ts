import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { encode, pack } from '../../src/wire/codec.ts';
import type { Connection, ConnectionEvents } from '../../src/wire/connection.ts';
import { PROTOCOL_VERSION, packEnd, packHello, unpackEnd } from '../../src/wire/handshake.ts';
import type { Link, Opening } from '../../src/wire/link.ts';
import { Sessions } from '../../src/wire/sessions.ts';
import { RoughNetwork, type Roughness } from '../fixtures/rough-network.ts';
import { listening } from '../fixtures/unix-sessions.ts';

const SMOOTH: Roughness = { reorder: 0, repeat: 0, cut: 0, refuse: 0 };
const RESUME_MS = 2_000;

interface End {
  reason: string;
  cause: Error | undefined;
  atMs: number;
}

/** Process `a` dials process `b` over a smooth network; what becomes of both ends. */
function pair({ resumeMs = RESUME_MS, to = 'b' } = {}) {
  const world = new RoughNetwork(1, SMOOTH);
  const ends: Record<'a' | 'b', { link: Link | undefined; end: End | undefined; arrived: unknown[] }> = {
    a: { link: undefined, end: undefined, arrived: [] },
    b: { link: undefined, end: undefined, arrived: [] },
  };
  const opening = (id: 'a' | 'b'): Opening => ({
    onOpen: (link) => {
      ends[id].link = link;
    },
    onPacket: ({ message }) => void ends[id].arrived.push(message),
    onClose: (reason, cause) => {
      ends[id].end = { reason, cause, atMs: world.queue.nowMs };
    },
  });
  let nonce = 0;
  const process = (id: 'a' | 'b') => {
    const sessions = new Sessions({ id, clock: world.clock, nonce: () => `n${nonce++}`, accept: () => opening(id) });
    sessions.use(world.network(id, sessions.accept, resumeMs));
    return sessions;
  };
  process('b');
  process('a').dial(to, opening('a'));
  return { world, ends, restart: () => process('b') };
}

/** What a process answers to a first frame. */
function answerTo(frame: Uint8Array): { code: string; reason: string } | undefined {
  const { clock } = new RoughNetwork(1, SMOOTH);
  const quiet: Opening = { onOpen: () => {}, onPacket: () => {}, onClose: () => {} };
  const sessions = new Sessions({ id: 'b', clock, nonce: () => 'n', accept: () => quiet });
  let answer: { code: string; reason: string } | undefined;
  let isClosed = false;
  const connection: Connection = {
    bufferedBytes: 0,
    send: ([first = new Uint8Array(0)]) => {
      if (first[0] === 5) answer = unpackEnd(first);
    },
    close: () => {
      isClosed = true;
    },
  };
  const events: ConnectionEvents = sessions.accept(connection);
  events.onFrame(frame);
  expect(isClosed).toBe(answer !== undefined);
  return answer;
}

const HELLO = { from: 'a', to: 'b', session: 's', received: 0, resumes: false };

describe('a handshake', () => {
  test('of the same version between the right processes opens a session', () => {
    expect(answerTo(packHello(HELLO))).toBeUndefined();
  });

  test('is refused for another version, with both', () => {
    const other = Buffer.concat([Buffer.of(1), pack([PROTOCOL_VERSION + 6, 'a', 'b', 's', 0, false])]);
    const answer = answerTo(new Uint8Array(other));
    expect(answer?.code).toBe('version');
    expect(answer?.reason).toMatch(new RegExp(`version ${PROTOCOL_VERSION + 6} .*this one ${PROTOCOL_VERSION}\\.`));
  });

  test.each([
    [
      'a process that is not this one',
      packHello({ ...HELLO, to: 'c' }),
      'target',
      /process c was called, and this is b/,
    ],
    ['a session that nobody knows', packHello({ ...HELLO, resumes: true }), 'session', /does not know this session/],
    ['no hello', packEnd({ code: 'closed', reason: '', after: 0 }), 'hello', /does not begin with a hello/],
    ['fields of other types', new Uint8Array([1, ...pack([PROTOCOL_VERSION, 1, 2, 3, 4, 5])]), 'hello', /damaged/],
    ['bytes that are none', Uint8Array.of(1, 0xc1), 'decode', /damaged/],
    ['nothing', new Uint8Array(0), 'hello', /does not begin with a hello/],
  ])('is refused for %s', (_, frame, code, reason) => {
    expect(answerTo(frame)).toMatchObject({ code, reason: expect.stringMatching(reason) });
  });

  test('that is refused ends the dialled link with a typed error, at once', async () => {
    const { world, ends } = pair();
    const other = new RoughNetwork(2, SMOOTH);
    const impostor = new Sessions({
      ...{ id: 'c', clock: other.clock, nonce: () => 'x' },
      accept: () => ({ onOpen: () => {}, onPacket: () => {}, onClose: () => {} }),
    });
    world.network('b', impostor.accept, 0);
    await world.run();
    expect(ends.a.end?.cause).toMatchObject({ code: 'ERR_MONARCH_HANDSHAKE', why: 'target' });
    expect(ends.a.end?.atMs).toBeLessThan(RESUME_MS);
  });

  test('of a WebSocket that speaks another version is refused, with both', async () => {
    const { path } = await listening();
    const stream = connect(path);
    onTestFinished(() => void stream.destroy());
    const key = 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
    const lines = ['GET / HTTP/1.1', 'Upgrade: websocket', key, 'Sec-WebSocket-Protocol: forge.77'];
    stream.write(`${lines.join('\r\n')}\r\n\r\n`);
    const answer = await new Promise<string>((resolve) => stream.once('data', (data) => resolve(String(data))));
    expect(answer).toContain('426 ');
    expect(answer).toContain(`speaks forge.77, this one forge.${PROTOCOL_VERSION}.`);
  });
});

describe('a session whose connection ends', () => {
  const packet = { message: ['end', 1] as const, payload: encode(1) };

  test('goes on over the next one, and nobody is told', async () => {
    const { world, ends } = pair();
    world.queue.add(50, () => world.cutAll());
    world.queue.add(51, () => ends.a.link?.send(packet));
    await world.run();
    expect([ends.a.end, ends.b.end, ends.b.arrived]).toEqual([undefined, undefined, [['end', 1]]]);
  });

  test('is lost on both sides when there is no next one in time', async () => {
    const { world, ends } = pair();
    world.queue.add(50, () => world.forget('b'));
    await world.run();
    // The dialler is told that nobody answers any more, the other side waits.
    expect(ends.a.end?.reason).toBe('it is gone.');
    expect(ends.b.end?.reason).toContain(`did not come back within ${RESUME_MS} ms`);
    expect(ends.b.end?.atMs).toBeGreaterThanOrEqual(RESUME_MS);
  });

  test('is lost at once where connections end only with their processes', async () => {
    const { world, ends } = pair({ resumeMs: 0 });
    world.queue.add(50, () => world.cutAll());
    await world.run();
    expect(ends.a.end?.atMs).toBeLessThan(100);
    expect(ends.b.end?.atMs).toBeLessThan(100);
  });

  test('is lost, never fresh, when the other process has begun anew', async () => {
    const { world, ends, restart } = pair();
    world.queue.add(50, () => {
      restart();
      world.cutAll();
    });
    await world.run();
    expect(ends.a.end?.cause).toMatchObject({ code: 'ERR_MONARCH_HANDSHAKE', why: 'session' });
  });

  test('by a close is over on both sides, after what was sent before', async () => {
    const { world, ends } = pair();
    world.queue.add(50, () => {
      ends.a.link?.send(packet);
      ends.a.link?.close();
    });
    await world.run();
    expect(ends.b.arrived).toEqual([['end', 1]]);
    expect([ends.a.end?.reason, ends.b.end?.reason]).toEqual(['it was closed.', 'the other side closed it.']);
    expect(ends.b.end?.atMs).toBeLessThan(100);
  });

  test('a process that is not there is told at once', async () => {
    const { world, ends } = pair({ to: 'nobody' });
    await world.run();
    expect(ends.a.end).toMatchObject({ reason: 'it is gone.' });
  });
});

test('both sides may send more at the same time than may be unacknowledged', async () => {
  const { world, ends } = pair();
  world.queue.add(50, () => {
    for (const { link } of [ends.a, ends.b]) {
      for (let i = 1; i <= 20; i++) link?.send({ message: ['item', i], payload: encode(new Uint8Array(2 ** 20)) });
    }
  });
  await world.run();
  expect([ends.a.arrived.length, ends.b.arrived.length]).toEqual([20, 20]);
});

test('what is not acknowledged is bounded', async () => {
  const { world, ends } = pair();
  let sent = 0;
  world.queue.add(50, () => {
    world.onSend = (bytes) => {
      sent += bytes;
      // Nothing arrives from here on.
      return false;
    };
    for (let i = 0; i < 40; i++)
      ends.a.link?.send({ message: ['item', i + 1], payload: encode(new Uint8Array(2 ** 20)) });
  });
  world.queue.add(60, () => {
    expect(sent).toBeGreaterThan(8 * 2 ** 20 - 1);
    expect(sent).toBeLessThan(10 * 2 ** 20);
    world.onSend = () => true;
    world.cutAll();
  });
  await world.run();
  expect(ends.b.arrived).toHaveLength(40);
});
