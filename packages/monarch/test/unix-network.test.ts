import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemPlatform } from '../src/process/system-platform.ts';
import { decode, EMPTY, encode } from '../src/wire/codec.ts';
import type { Link, Opening } from '../src/wire/link.ts';
import type { Packet } from '../src/wire/packet.ts';
import { Sessions } from '../src/wire/sessions.ts';
import { UnixNetwork } from '../src/wire/unix-network.ts';

const quiet: Opening = { onOpen: () => {}, onPacket: () => {}, onClose: () => {} };

function sessionsOf(directory: string, id: string, opening: Opening): { sessions: Sessions; network: UnixNetwork } {
  const { clock, nonce } = systemPlatform;
  const sessions = new Sessions({ id, clock, nonce, accept: () => opening });
  const network = new UnixNetwork(directory, id, sessions.accept);
  sessions.use(network);
  return { sessions, network };
}

/** Two ends of an open link, and what arrives at the second. */
async function connected(): Promise<{ link: Link; next: () => Promise<Packet>; directory: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'network-'));
  const arrived: Packet[] = [];
  let wake = () => {};
  const onPacket = (packet: Packet) => {
    arrived.push(packet);
    wake();
  };
  const { network } = sessionsOf(directory, 'b', { ...quiet, onPacket });
  await network.listen();
  const link = await new Promise<Link>((onOpen) =>
    sessionsOf(directory, 'a', quiet).sessions.dial('b', { ...quiet, onOpen }),
  );
  onTestFinished(() => {
    link.close();
    network.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const next = async () => {
    while (arrived.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    // The loop's condition.
    return arrived.shift()!;
  };
  return { link, next, directory };
}

test('many small arrays of every length arrive as they were sent, aligned and in memory of their own', async () => {
  const sent = Array.from({ length: 40 }, (_, i) => Float64Array.from({ length: i }, (__, j) => i + j));
  const { link, next } = await connected();
  link.send({ message: ['value', 1], payload: encode(['odd', sent]) });
  const received = decode((await next()).payload) as [string, Float64Array[]];
  expect(received).toEqual(['odd', sent]);
  expect(received[1][3]!.buffer.byteLength).toBe(3 * 8);
});

test('packets of one turn to one actor, large and small, arrive in order', async () => {
  const { link, next } = await connected();
  for (let i = 0; i < 50; i++) {
    link.send({
      message: ['cast', 1, `${i}`, [0, [], []]],
      payload: encode(new Uint8Array(i % 7 === 0 ? 200_000 : i).fill(i)),
    });
  }
  for (let i = 0; i < 50; i++) {
    const { message, payload } = await next();
    expect(message).toEqual(['cast', 1, `${i}`, [0, [], []]]);
    expect((decode(payload) as Uint8Array).every((x) => x === i)).toBe(true);
  }
});

test('only the owner of the program can reach its sockets', async () => {
  const { directory } = await connected();
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(statSync(join(directory, 'b.sock')).mode & 0o777).toBe(0o600);
});

test('dialling a process that is not there closes, with the reason', async () => {
  const { directory } = await connected();
  const reason = await new Promise<string>((onClose) =>
    sessionsOf(directory, 'a', quiet).sessions.dial('nobody', { ...quiet, onClose }),
  );
  expect(reason).toContain('ENOENT');
});

test('a link that was closed drops what is sent by it', async () => {
  const { link } = await connected();
  link.close();
  expect(() => link.send({ message: ['end', 1], payload: EMPTY })).not.toThrow();
});
