import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { decode, encode } from '../src/wire/codec.ts';
import type { Packet } from '../src/wire/packet.ts';
import { SOCKET_OPTIONS, socketLink } from '../src/wire/socket-link.ts';

test('many small arrays of every length arrive as they were sent, aligned and in memory of their own', async () => {
  const sent = Array.from({ length: 40 }, (_, i) => Float64Array.from({ length: i }, (__, j) => i + j));
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...SOCKET_OPTIONS });
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const client = new WebSocket(`ws://127.0.0.1:${port}`, SOCKET_OPTIONS);
  const [[socket]] = await Promise.all([once(server, 'connection'), once(client, 'open')]);
  try {
    const arrived = new Promise<Packet>((resolve) => socketLink(socket, { onPacket: resolve, onClose: () => {} }));
    const link = socketLink(client, { onPacket: () => {}, onClose: () => {} });
    link.send({ message: ['value', 1], payload: encode(['odd', sent]) });
    const received = decode((await arrived).payload) as [string, Float64Array[]];
    expect(received).toEqual(['odd', sent]);
    expect(received[1][3]!.buffer.byteLength).toBe(3 * 8);
  } finally {
    client.terminate();
    server.close();
  }
});
