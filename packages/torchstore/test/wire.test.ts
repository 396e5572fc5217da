import { closeSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bytesOf, tensor } from '@forge/tensor';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { attachStore, ChecksumError, openStore, type Store, type StoreOptions } from '../src/index.ts';
import { encodeHead, maxPayloadBytes, window } from '../src/transport/frame.ts';
import { subprotocol } from '../src/transport/handshake.ts';
import { encodeWebSocketHead } from '../src/transport/websocket-head.ts';
import { defaultParent } from '../src/volume-directory.ts';
import { numbered } from './arbitraries.ts';
import { cutsAfter, startNetwork, type Treatment } from './network.ts';

const mebibyte = 2 ** 20;
const windowBytes = window * maxPayloadBytes;
/** Heads, requests and answers of a transfer of some tens of MiB, and handshakes. */
const overheadBytes = mebibyte / 4;

let folder: string;
let store: Store;

const open = async (options: StoreOptions = {}) => {
  store = await openStore({ kind: 'inline', folder, transport: 'websocket', inlineBytes: 0, ...options });
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'forge-wire-'));
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const whole = numbered('float32', [32, 2 ** 18]);
const wholeBytes = bytesOf(whole).length;

describe('a transfer that is cut', () => {
  const cuts = fc.array(fc.integer({ min: 0, max: wholeBytes + overheadBytes }), { minLength: 1, maxLength: 3 });

  test('goes on where it was: at most a window travels twice for each cut', async () => {
    await open({ checksums: 'always' });
    await store.put('w', whole);
    await fc.assert(
      fc.asyncProperty(cuts, fc.constantFrom('put', 'get'), async (limits, verb) => {
        await using network = await startNetwork(store.reference, cutsAfter(limits));
        await using client = attachStore(network.reference);
        if (verb === 'put') await client.put('w', whole);
        const into = tensor('float32', whole.shape);
        if (verb === 'get') await client.get('w', { into });
        const { up, down } = network.carried;
        const happened = network.connections - 1;
        expect(happened).toBeLessThanOrEqual(limits.length);
        expect(up + down).toBeGreaterThanOrEqual(wholeBytes);
        expect(up + down).toBeLessThanOrEqual(wholeBytes + overheadBytes + happened * (windowBytes + overheadBytes));
        if (verb === 'get') expect(Buffer.compare(bytesOf(into), bytesOf(whole))).toBe(0);
        else expect(Buffer.compare(bytesOf(await store.get('w')), bytesOf(whole))).toBe(0);
      }),
      { numRuns: 12 },
    );
  });

  test('keeps what else its client holds: leases, and what it has begun', async () => {
    await open();
    await using network = await startNetwork(store.reference, cutsAfter([3_000_000, 3_000_000]));
    await using client = attachStore(network.reference);
    await using transaction = await client.begin('m', { version: 1 });
    await transaction.put('a', numbered('int8', [1_500_000]));
    await transaction.put('b', numbered('int8', [2_000_000]));
    await transaction.put('c', numbered('int8', [2_000_000]));
    await transaction.commit();
    expect(network.connections).toBeGreaterThan(1);
    expect(await store.keys()).toEqual(['m.a', 'm.b', 'm.c']);
  });
});

describe('a transfer that is cancelled', () => {
  test.each(['put', 'get'] as const)('a %s sends at most a window more, and leaves its target alone', async (verb) => {
    await open();
    await store.put('w', whole);
    const abort = new AbortController();
    const seen = { bytes: 0 };
    const treat: Treatment = ({ data }) => {
      seen.bytes += data.length;
      if (seen.bytes > 4 * mebibyte) abort.abort(new RangeError('enough'));
      return [data];
    };
    await using network = await startNetwork(store.reference, treat);
    await using client = attachStore(network.reference);
    const into = tensor('float32', whole.shape);
    const { signal } = abort;
    const operation = verb === 'put' ? client.put('v', whole, { signal }) : client.get('w', { into, signal });
    await expect(operation).rejects.toThrow('enough');
    const left = Buffer.from(bytesOf(into));
    // What follows on the same connection comes behind all that is still on its way.
    await client.put('small', numbered('int8', [70_000]));
    await client.get('small');
    expect(seen.bytes).toBeLessThanOrEqual(4 * mebibyte + 2 * windowBytes);
    expect(Buffer.compare(left, bytesOf(into))).toBe(0);
    expect(await store.exists('v')).toBe(false);
    expect(Buffer.compare(bytesOf(await client.get('w')), bytesOf(whole))).toBe(0);
  });
});

describe('checksums of pieces', () => {
  const segmentFiles = (below = folder) =>
    readdirSync(below, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'nonce')
      .map(({ name, parentPath }) => join(parentPath, name));

  /** Flips a bit in the middle of each file of the volume. */
  function damageMemory(below?: string): void {
    for (const path of segmentFiles(below)) flipBit(path, statSync(path).size >> 1);
  }

  /** In place: a file that was written anew would be another one to who has it mapped. */
  function flipBit(path: string, at: number): void {
    const descriptor = openSync(path, 'r+');
    const byte = new Uint8Array(1);
    readSync(descriptor, byte, 0, 1, at);
    writeSync(
      descriptor,
      byte.map((each) => each ^ 4),
      0,
      1,
      at,
    );
    closeSync(descriptor);
  }

  const piece = numbered('int32', [1024, 700]);

  test.each([
    ['websocket', 'always'],
    ['unix', 'always'],
    ['tmpfs', 'always'],
  ] as const)('over %s, damage where the bytes lie is an error that names the key', async (transport, checksums) => {
    await open({ transport, checksums });
    await store.put('w', piece);
    await store.put('small', numbered('int8', [50]));
    await store.get('w');
    damageMemory();
    const error = await store.get('w').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ChecksumError);
    expect(error).toMatchObject({ code: 'ERR_TORCHSTORE_CHECKSUM', key: 'w', volume: 'v0' });
    await expect(store.getBatch(['small', 'w'])).rejects.toThrow(ChecksumError);
    await expect(store.get('small')).rejects.toMatchObject({ key: 'small' });
    // Into a place whose rows do not lie side by side, too.
    const pieces = [0, 1].map((rank) => ({ offset: [0, rank * 350], size: [1024, 350] }));
    for (const region of pieces) {
      const local = tensor('int32', region.size);
      await store.put('columns', { local, globalShape: piece.shape, region });
    }
    expect((await store.get('columns')).data.every((value) => value === 0)).toBe(true);
    damageMemory();
    await expect(store.get('columns')).rejects.toThrow(ChecksumError);
    await store.put('w', piece);
    expect(bytesOf(await store.get('w'))).toEqual(bytesOf(piece));
  });

  test('a mapped view of damaged bytes is not handed out', async () => {
    await open({ transport: 'auto', checksums: 'always', folder: defaultParent() });
    const { directory } = store.reference.volumes[0]!;
    await store.put('w', piece);
    await store.get('w', { mapped: true });
    damageMemory(directory);
    await expect(store.get('w', { mapped: true })).rejects.toThrow(ChecksumError);
  });

  test.each(['auto', 'never'] as const)('%s keeps none on one machine', async (checksums) => {
    await open({ checksums });
    await store.put('w', piece);
    damageMemory();
    expect(bytesOf(await store.get('w'))).not.toEqual(bytesOf(piece));
  });

  test('a damaged replica is passed over for one that is whole', async () => {
    await open({ checksums: 'always', volumes: 2, replicas: 2 });
    await store.put('w', piece);
    const [first] = segmentFiles();
    flipBit(first!, 5000);
    for (let round = 0; round < 3; round += 1) expect(bytesOf(await store.get('w'))).toEqual(bytesOf(piece));
  });
});

/** A connection that a test speaks on by itself. */
async function speak(
  headers: Readonly<Record<string, string>>,
  path = '/intruder',
): Promise<{ socket: Socket; answer: string }> {
  const { port } = new URL(store.reference.volumes[0]!.url);
  const socket = connect(Number(port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {}); // 'close' follows
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${lines.join('')}\r\n`);
  const answer = await new Promise<string>((resolve) => {
    socket.once('data', (data: Buffer) => resolve(data.toString('latin1')));
    socket.once('close', () => resolve('closed'));
  });
  return { socket, answer };
}

const upgrade = () => ({
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  'Sec-WebSocket-Protocol': subprotocol,
});
const authorized = () => ({ ...upgrade(), Authorization: `Bearer ${store.reference.volumes[0]!.token}` });

/** A frame as a client of another make might send it. */
function frame(head: Parameters<typeof encodeHead>[0], payload = new Uint8Array(0)): Buffer {
  const content = Buffer.concat([encodeHead(head), payload]);
  return Buffer.concat([encodeWebSocketHead('binary', content.length, 'client'), content]);
}

describe('who has no token', () => {
  test.each([
    ['none', {}],
    ['another', { Authorization: `Bearer ${'0'.repeat(48)}` }],
    ['a part of it', { Authorization: 'Bearer ' }],
    ['another scheme', { Authorization: 'Basic Og==' }],
  ])('%s: is told so, and nothing else, whatever it asks for', async (_, headers) => {
    await open();
    await store.put('w', whole);
    const [session] = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'nonce')
      .map(({ parentPath }) => parentPath.split('/').at(-1));
    const answers = new Set<string>();
    for (const path of ['/intruder', `/${session}`, `/${session}?resume`, '/', '/../../etc/passwd']) {
      const { socket, answer } = await speak({ ...upgrade(), ...headers }, path);
      answers.add(answer);
      socket.write(frame({ type: 'read', request: 1, meta: { boxes: [] }, payloadBytes: 0, checksum: undefined }));
      await new Promise((resolve) => socket.once('close', resolve));
    }
    expect([...answers]).toEqual([expect.stringMatching(/^HTTP\/1.1 401 /)]);
    expect([...answers].join()).not.toContain(store.reference.volumes[0]!.token);
  });
});

describe('a peer that has the token and does not keep the rules', () => {
  test('is closed or answered with an error, and the volume serves the others', async () => {
    await open();
    await store.put('w', whole);
    const meta = fc.oneof(
      fc.json().map((text): unknown => JSON.parse(text)),
      fc.record({
        segment: fc.constantFrom('intruder/1', 'intruder/2', 'other/1', '../nonce'),
        offset: fc.oneof(fc.nat(2 * mebibyte), fc.constantFrom(-1, 1.5, 2 ** 60, 2 ** 52)),
        bytes: fc.oneof(fc.nat(2 * mebibyte), fc.constant(2 ** 52)),
        overwrites: fc.boolean(),
        boxes: fc.array(
          fc.record({ segment: fc.constant('intruder/1'), byteOffset: fc.nat(), size: fc.array(fc.nat()) }),
        ),
      }),
    );
    const message = fc
      .record({
        type: fc.constantFrom('write', 'seal', 'read', 'data', 'written', 'failed'),
        meta,
        payload: fc.uint8Array({ maxLength: 200 }),
        flip: fc.option(fc.nat(), { nil: undefined }),
      })
      .map(({ type, meta, payload, flip }) => (request: number) => {
        const head = { type, meta, request, payloadBytes: payload.length, checksum: undefined } as const;
        const bytes = frame(head, payload);
        if (flip !== undefined) bytes[flip % bytes.length] = bytes[flip % bytes.length]! ^ (1 << (flip % 8));
        return bytes;
      });
    const noise = fc.uint8Array({ maxLength: 50 }).map((bytes) => () => bytes);
    const before = process.memoryUsage().arrayBuffers;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(message, noise), { maxLength: 6 }), async (sent) => {
        const { socket, answer } = await speak(authorized());
        expect(answer).toMatch(/^HTTP\/1.1 101 /);
        socket.resume();
        for (const [index, write] of sent.entries()) socket.write(write(index + 1));
        // A close frame: if the volume still listens, it ends the connection because of that.
        socket.end(encodeWebSocketHead('close', 0, 'client'));
        await new Promise((resolve) => socket.once('close', resolve));
      }),
      { numRuns: 60 },
    );
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * mebibyte);
    expect(Buffer.compare(bytesOf(await store.get('w')), bytesOf(whole))).toBe(0);
  });

  test('and repeats a request is not answered again: its connection ends', async () => {
    await open();
    const { socket } = await speak(authorized());
    const seal = { type: 'seal', meta: { segment: 'intruder/1' }, payloadBytes: 0, checksum: undefined } as const;
    const received: Buffer[] = [];
    socket.on('data', (data: Buffer) => received.push(data));
    for (const request of [7, 9, 9, 10]) socket.write(frame({ ...seal, request }));
    await new Promise((resolve) => socket.once('close', resolve));
    const answers = Buffer.concat(received);
    const answer = (request: number) =>
      Buffer.from(encodeHead({ type: 'written', request, meta: {}, payloadBytes: 0, checksum: undefined }));
    expect([7, 9, 10].map((request) => answers.includes(answer(request)))).toEqual([true, true, false]);
    expect(answers.subarray(-2).readUInt16BE()).toBe(1002);
  });

  test('and takes no answers has a bounded number of them made, until it takes them', async () => {
    await open();
    await store.put('w', whole);
    const { segment } = (await store.stat('w'))!.parts[0]!.place;
    const { socket, answer } = await speak(authorized());
    expect(answer).toMatch(/^HTTP\/1.1 101 /);
    socket.pause();
    const before = process.memoryUsage().arrayBuffers;
    const requests = 120;
    for (let request = 1; request <= requests; request += 1) {
      const box = { segment, byteOffset: 32, shape: [mebibyte], offset: [0], size: [mebibyte] };
      socket.write(frame({ type: 'read', request, meta: { boxes: [box] }, payloadBytes: 0, checksum: undefined }));
    }
    await store.put('other', numbered('int8', [70_000]));
    // Meanwhile the volume has all the turns it needs to make every one of them.
    for (let round = 0; round < requests; round += 1) await store.get('other');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(6 * windowBytes);
    let received = 0;
    socket.on('data', (data: Buffer) => {
      received += data.length;
    });
    socket.resume();
    await expect.poll(() => received).toBeGreaterThanOrEqual(requests * mebibyte);
  });
});
