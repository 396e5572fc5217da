import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { decode, EMPTY, encode } from '../src/wire/codec.ts';
import type { Link } from '../src/wire/link.ts';
import { Network, type Opening } from '../src/wire/network.ts';
import type { Packet } from '../src/wire/packet.ts';

/** Two ends of an open link, and what arrives at the second. */
async function connected(): Promise<{ link: Link; next: () => Promise<Packet>; directory: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'network-'));
  const arrived: Packet[] = [];
  let wake = () => {};
  const accept = (): Opening => ({
    onOpen: () => {},
    onPacket: (packet) => {
      arrived.push(packet);
      wake();
    },
    onClose: () => {},
  });
  const network = new Network(directory, 'b', accept);
  await network.listen();
  const link = await new Promise<Link>((resolve) => {
    const caller = new Network(directory, 'a', accept);
    caller.dial('b', { onOpen: resolve, onPacket: () => {}, onClose: () => {} });
  });
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

test('packets of one turn, large and small, arrive in order', async () => {
  const { link, next } = await connected();
  for (let i = 0; i < 50; i++) {
    link.send({ message: ['value', i], payload: encode(new Uint8Array(i % 7 === 0 ? 200_000 : i).fill(i)) });
  }
  for (let i = 0; i < 50; i++) {
    const { message, payload } = await next();
    expect(message).toEqual(['value', i]);
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
  const reason = await new Promise<string>((resolve, reject) => {
    const caller = new Network(directory, 'a', () => reject(new RangeError('nobody dials here')) as never);
    caller.dial('nobody', { onOpen: () => reject(new RangeError('opened')), onPacket: () => {}, onClose: resolve });
  });
  expect(reason).toContain('ENOENT');
});

test('a link that was closed drops what is sent by it', async () => {
  const { link } = await connected();
  link.close();
  expect(() => link.send({ message: ['end', 1], payload: EMPTY })).not.toThrow();
});
