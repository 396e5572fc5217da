import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { extentOf } from '../../src/mesh/extent.ts';
import { decode, EMPTY, encode } from '../../src/wire/codec.ts';
import { Heading } from '../../src/wire/heading.ts';
import type { Packet } from '../../src/wire/packet.ts';
import { linked, listening, QUIET, sessionsOf } from '../fixtures/unix-sessions.ts';

test('many small arrays of every length arrive as they were sent, aligned and in memory of their own', async () => {
  const sent = Array.from({ length: 40 }, (_, i) => Float64Array.from({ length: i }, (__, j) => i + j));
  const { directory, next } = await listening();
  const link = await linked(directory);
  link.send({ message: ['value', 1], payload: encode(['odd', sent]) });
  const received = decode((await next()).payload) as [string, Float64Array[]];
  expect(received).toEqual(['odd', sent]);
  expect(received[1][3]!.buffer.byteLength).toBe(3 * 8);
});

test('packets of one turn to one actor, large and small, arrive in order', async () => {
  const { directory, next } = await listening();
  const link = await linked(directory);
  for (let i = 0; i < 50; i++) {
    link.send({
      message: ['cast', 1, new Heading(`${i}`, extentOf({})), 0, undefined],
      payload: encode(new Uint8Array(i % 7 === 0 ? 200_000 : i).fill(i)),
    });
  }
  for (let i = 0; i < 50; i++) {
    const { message, payload } = await next();
    expect(message).toEqual(['cast', 1, new Heading(`${i}`, extentOf({})), 0, undefined]);
    expect((decode(payload) as Uint8Array).every((x) => x === i)).toBe(true);
  }
});

test('what has arrived stays as it is while more arrives', async () => {
  const { directory, next } = await listening();
  const link = await linked(directory);
  const text = (i: number) => String(i % 10).repeat(500 + (i % 400));
  for (let i = 1; i <= 3_000; i++) link.send({ message: ['value', i], payload: encode(text(i)) });
  const packets: Packet[] = [];
  while (packets.length < 3_000) packets.push(await next());
  expect(packets.every(({ message, payload }) => decode(payload) === text(Number(message[1])))).toBe(true);
});

test('only the owner of the program can reach its sockets', async () => {
  const { directory } = await listening();
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(statSync(join(directory, 'b.sock')).mode & 0o777).toBe(0o600);
});

test('dialling a process that is not there closes, with the reason', async () => {
  const { directory } = await listening();
  const reason = await new Promise<string>((onClose) =>
    sessionsOf(directory, 'a', QUIET).sessions.dial('nobody', { ...QUIET, onClose }),
  );
  expect(reason).toContain('ENOENT');
});

test('a link that was closed drops what is sent by it', async () => {
  const { directory } = await listening();
  const link = await linked(directory);
  link.close();
  expect(() => link.send({ message: ['end', 1], payload: EMPTY })).not.toThrow();
});
