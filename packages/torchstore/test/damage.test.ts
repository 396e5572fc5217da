import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bytesOf } from '@forge/tensor';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attachStore, openStore, type Store, type StoreReference } from '../src/index.ts';
import { numbered } from './arbitraries.ts';

let folder: string;
let store: Store;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'forge-damage-'));
  store = await openStore({
    kind: 'inline',
    folder,
    transport: 'websocket',
    inlineBytes: 0,
    checksums: true,
    timeoutMs: 1000,
    reconnectMs: 200,
  });
});

afterAll(async () => {
  await store[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** What happens to a packet: what arrives in its place. */
const damages = {
  'a flipped bit': (data: Buffer, at: number) => {
    data[at] = data[at]! ^ (1 << (at % 8));
    return [data];
  },
  'missing bytes': (data: Buffer, at: number) => [data.subarray(0, at), data.subarray(Math.min(at + 100, data.length))],
  'repeated bytes': (data: Buffer, at: number) => [data, data.subarray(at)],
  'reordered bytes': (data: Buffer, at: number) => [data.subarray(at), data.subarray(0, at)],
} as const satisfies Record<string, (data: Buffer, at: number) => readonly Buffer[]>;

/** A network that damages its first connection once: at a byte of one direction. */
async function startNetwork({
  damage,
  position,
  isUpward,
}: {
  readonly damage: (data: Buffer, at: number) => readonly Buffer[];
  readonly position: number;
  readonly isUpward: boolean;
}) {
  const sockets = new Set<Socket>();
  const target = Number(new URL(store.reference.volumes[0]!.url).port);
  let left = position;
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    const pass = (to: Socket, isOurs: boolean) => (data: Buffer) => {
      const at = left;
      if (isOurs) left -= data.length;
      if (!isOurs || at < 0 || at >= data.length) to.write(data);
      else for (const part of damage(Buffer.from(data), at)) to.write(part);
    };
    near.on('data', pass(far, isUpward));
    far.on('data', pass(near, !isUpward));
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {}); // 'close' follows
      socket.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const volumes = store.reference.volumes.map((volume) => ({ ...volume, url: `ws://127.0.0.1:${port}` }));
  const reference: StoreReference = { ...store.reference, volumes };
  return {
    reference,
    get hasHappened() {
      return left < 0;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const whole = numbered('float32', [600, 1000]);
const names = Object.keys(damages) as (keyof typeof damages)[]; // of a constant

test.each(
  names.flatMap((name) =>
    [true, false].flatMap((isUpward) => [900, 70_001, 1_500_003].map((at) => ({ name, isUpward, at }))),
  ),
)('$name at byte $at, to the volume: $isUpward, is the right tensor or an error with a code', async (each) => {
  const { name, isUpward, at: position } = each;
  await using network = await startNetwork({ damage: damages[name], position, isUpward });
  await using client = attachStore(network.reference);
  const key = isUpward ? `${name}.${position}` : 'w';
  const operation = async () => {
    if (isUpward) await client.put(key, whole);
    else await store.put(key, whole);
    return client.get(key);
  };
  const outcome = await operation().then(
    (got) => ({ got, error: undefined }),
    (error: unknown) => ({ got: undefined, error }),
  );
  expect(network.hasHappened).toBe(true);
  if (outcome.got === undefined)
    expect(outcome.error).toMatchObject({ code: expect.stringMatching(/^ERR_TORCHSTORE_/) });
  else expect(Buffer.compare(bytesOf(outcome.got), bytesOf(whole))).toBe(0);
  // It has cost one connection at most: the next operation is right.
  await client.put(key, whole);
  expect(Buffer.compare(bytesOf(await client.get(key)), bytesOf(whole))).toBe(0);
});
