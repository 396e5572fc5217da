import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bytesOf } from '@forge/tensor';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attachStore, openStore, type Store } from '../src/index.ts';
import { numbered } from './arbitraries.ts';
import { messages, startNetwork, type Treatment } from './network.ts';

let folder: string;
let store: Store;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'forge-damage-'));
  store = await openStore({
    kind: 'inline',
    folder,
    transport: 'websocket',
    inlineBytes: 0,
    checksums: 'always',
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
    const copy = Buffer.from(data);
    copy[at] = copy[at]! ^ (1 << (at % 8));
    return [copy];
  },
  'missing bytes': (data: Buffer, at: number) => [data.subarray(0, at), data.subarray(Math.min(at + 100, data.length))],
  'a missing end': (data: Buffer, at: number) => [data.subarray(0, at)],
  'repeated bytes': (data: Buffer, at: number) => [data, data.subarray(at)],
  'reordered bytes': (data: Buffer, at: number) => [data.subarray(at), data.subarray(0, at)],
} as const satisfies Record<string, (data: Buffer, at: number) => readonly Buffer[]>;

/** Damages the first connection once: at a byte of one direction. */
function damageAt({
  damage,
  position,
  upward,
}: {
  readonly damage: (data: Buffer, at: number) => readonly Buffer[];
  readonly position: number;
  readonly upward: boolean;
}) {
  const state = { hasHappened: false };
  const treat: Treatment = ({ data, connection, isUpward, start }) => {
    const at = position - start;
    if (connection > 0 || isUpward !== upward || at < 0 || at >= data.length) return [data];
    state.hasHappened = true;
    return damage(data, at);
  };
  return { treat, state };
}

const whole = numbered('float32', [600, 1000]);
const names = Object.keys(damages) as (keyof typeof damages)[]; // of a constant

test.each(
  names.flatMap((name) =>
    [true, false].flatMap((isUpward) => [900, 70_001, 1_500_003].map((at) => ({ name, isUpward, at }))),
  ),
)('$name at byte $at, to the volume: $isUpward, is the right tensor or an error with a code', async (each) => {
  const { name, isUpward, at: position } = each;
  const { treat, state } = damageAt({ damage: damages[name], position, upward: isUpward });
  await using network = await startNetwork(store.reference, treat);
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
  expect(state.hasHappened).toBe(true);
  if (outcome.got === undefined)
    expect(outcome.error).toMatchObject({ code: expect.stringMatching(/^ERR_TORCHSTORE_/) });
  else expect(Buffer.compare(bytesOf(outcome.got), bytesOf(whole))).toBe(0);
  // It has cost one connection at most: the next operation is right.
  await client.put(key, whole);
  expect(Buffer.compare(bytesOf(await client.get(key)), bytesOf(whole))).toBe(0);
});

/** What happens to a whole message on its way to the volume; those that were put aside come before a later one. */
const disorders = {
  'comes twice': (message: Buffer) => [message, message],
  'is lost': () => [],
  'comes after the next': (message: Buffer, _: number, aside: Buffer[]) => {
    aside.push(message);
    return [];
  },
  'comes again after three others': (message: Buffer, _: number, aside: Buffer[]) => {
    aside.push(message);
    return [message];
  },
} as const satisfies Record<string, (message: Buffer, index: number, aside: Buffer[]) => readonly Buffer[]>;

test.each(
  (Object.keys(disorders) as (keyof typeof disorders)[]).flatMap((name) => [1, 3, 4].map((at) => ({ name, at }))), // of a constant
)('a message that $name, number $at, is no wrong tensor', async ({ name, at }) => {
  const aside: Buffer[] = [];
  let hasHappened = false;
  const delay = name === 'comes again after three others' ? 3 : 1;
  const treat = messages((message, index) => {
    if (!hasHappened && index === at) {
      hasHappened = true;
      return disorders[name](message, index, aside);
    }
    return index >= at + delay ? [message, ...aside.splice(0)] : [message];
  });
  await using network = await startNetwork(store.reference, treat);
  await using client = attachStore(network.reference);
  const key = `${name}.${at}`;
  const outcome = await client.put(key, whole).then(
    () => 'put',
    (error: unknown) => error,
  );
  expect(hasHappened).toBe(true);
  if (outcome !== 'put') expect(outcome).toMatchObject({ code: expect.stringMatching(/^ERR_TORCHSTORE_/) });
  else expect(Buffer.compare(bytesOf(await store.get(key)), bytesOf(whole))).toBe(0);
  await client.put(key, whole);
  expect(Buffer.compare(bytesOf(await client.get(key)), bytesOf(whole))).toBe(0);
});
