import { expect, test } from 'vitest';
import { systemClock } from '../../src/time/clock.ts';
import { encode } from '../../src/wire/codec.ts';
import { loopback } from '../../src/wire/loopback.ts';
import type { Packet } from '../../src/wire/packet.ts';

const packet = (id: number): Packet => ({ message: ['value', id], payload: encode(undefined) });

test('packets that answer each other without end let timers and sockets have their turn', async () => {
  let isDone = false;
  const ping = loopback(
    { onPacket: ({ message }) => !isDone && ping.send(packet(message[1] as number)), onClose: () => {} },
    systemClock,
  );
  ping.send(packet(1));
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, 1));
  isDone = true;
});

test('packets arrive in order, whichever turn they come in', async () => {
  const arrived: unknown[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const onPacket = ({ message: [, id] }: Packet) => {
    arrived.push(id);
    const until = performance.now() + 4;
    while (performance.now() < until);
    if (Number(id) < 15) link.send(packet(Number(id) + 15));
    if (id === 29) resolve();
  };
  const link = loopback({ onPacket, onClose: () => {} }, systemClock);
  for (let id = 0; id < 15; id++) link.send(packet(id));
  await promise;
  expect(arrived).toEqual(Array.from({ length: 30 }, (_, id) => id));
});

test('nothing arrives after the end', async () => {
  const arrived: unknown[] = [];
  const link = loopback(
    { onPacket: ({ message }) => arrived.push(message[1]), onClose: (reason) => arrived.push(reason) },
    systemClock,
  );
  link.send(packet(1));
  link.close();
  link.close();
  await new Promise(setImmediate);
  expect(arrived).toEqual(['it was closed.']);
});
