import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { bytesOf, copyRegion, tensor } from '@forge/tensor';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Fetch } from '../src/byte-box.ts';
import { VolumeUnavailableError } from '../src/index.ts';
import { Connection } from '../src/transport/connection.ts';
import { subprotocol } from '../src/transport/handshake.ts';
import { type SegmentServer, serveSegments } from '../src/transport/server.ts';
import { seesDirectory, tmpfsTransport } from '../src/transport/tmpfs.ts';
import { socketPathOf, socketUrl, type Transport, type VolumeAddress } from '../src/transport/transport.ts';
import { webSocketTransport } from '../src/transport/websocket.ts';
import { createVolumeDirectory } from '../src/volume-directory.ts';
import { numbered } from './arbitraries.ts';
import { makeCertificates } from './certificates.ts';

interface Volume extends AsyncDisposable {
  readonly address: VolumeAddress;
  readonly ended: string[];
  readonly server: SegmentServer;
}

async function startVolume(tls?: ReturnType<typeof makeCertificates>): Promise<Volume> {
  const parent = mkdtempSync(join(tmpdir(), 'forge-transport-'));
  const { path, nonce } = createVolumeDirectory(parent);
  const ended: string[] = [];
  const server = await serveSegments({
    directory: path,
    token: 'secret',
    host: '127.0.0.1',
    port: 0,
    socketPath: socketPathOf(path),
    reconnectMs: 500,
    tls: tls && { cert: readFileSync(tls.cert, 'utf8'), key: readFileSync(tls.key, 'utf8') },
    onSession: (session) => mkdirSync(join(path, session)),
    onSessionEnd: (session) => ended.push(session),
  });
  const url = `${tls === undefined ? 'ws' : 'wss'}://127.0.0.1:${server.port}`;
  const ca = tls && { ca: readFileSync(tls.ca, 'utf8') };
  const address = { id: 'v0', url, token: 'secret', directory: path, nonce, ...ca };
  return {
    address,
    ended,
    server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      rmSync(parent, { recursive: true });
    },
  };
}

let scratch: string;
let certificates: ReturnType<typeof makeCertificates>;
let volume: Volume;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'forge-certificates-'));
  certificates = makeCertificates(scratch);
});

afterAll(() => rmSync(scratch, { recursive: true }));

beforeEach(async () => {
  volume = await startVolume();
});

afterEach(async () => {
  await volume[Symbol.asyncDispose]();
});

/** Ways to reach a volume: which transport, with checksums or without, over which url. */
const ways = [
  { kind: 'tmpfs', checksums: false },
  { kind: 'tmpfs', checksums: true },
  { kind: 'websocket', checksums: false },
  { kind: 'websocket', checksums: true },
  { kind: 'unix', checksums: true },
  { kind: 'websocket', checksums: true, scheme: 'wss' },
] as const;

/** What every transport must do. */
describe.each(ways)('$kind $scheme, checksums: $checksums', (way) => {
  const { kind, checksums } = way;
  let transport: Transport;
  let segments = 0;
  let own: Volume;
  let link: Connection;

  beforeEach(async () => {
    own = 'scheme' in way ? await startVolume(certificates) : volume;
    const { address } = own;
    const url = kind === 'unix' ? socketUrl(socketPathOf(address.directory)!) : address.url;
    link = await Connection.open({ ...address, url }, { session: 'session-way', timeoutMs: 10_000, checksums });
    transport = kind === 'tmpfs' ? tmpfsTransport(address, { isChecked: checksums }) : webSocketTransport(link, kind);
  });

  afterEach(async () => {
    link[Symbol.dispose]();
    if (own !== volume) await own[Symbol.asyncDispose]();
  });

  const nextSegment = () => {
    segments += 1;
    return `session-way/${segments}`;
  };

  const whole = (segment: string, bytes: number, byteOffset = 0): Fetch => ({
    box: { segment, byteOffset, shape: [bytes, 1], offset: [0, 0], size: [bytes, 1] },
    target: new Uint8Array(bytes),
    targetShape: [bytes, 1],
    targetOffset: [0, 0],
  });

  test('what was written side by side is read back, whole and in parts', async () => {
    const segment = nextSegment();
    const buffers = [3, 0, 200_000, 1, 3_500_000, 70_000].map((length, salt) =>
      bytesOf(numbered('uint8', [length], salt)),
    );
    const known = await transport.write(segment, buffers);
    const expected = Buffer.concat(buffers);
    expect(known).toEqual(checksums ? buffers.map((buffer) => crc32(buffer)) : undefined);
    const all = whole(segment, expected.length);
    const part = whole(segment, 1000, 199_500);
    await transport.read([all, part]);
    expect(Buffer.compare(all.target, expected)).toBe(0);
    expect(Buffer.compare(part.target, expected.subarray(199_500, 200_500))).toBe(0);
  });

  test('any box goes to any place of a target, and nothing beside it changes', async () => {
    const dims = fc.array(
      fc.record({
        size: fc.integer({ min: 1, max: 12 }),
        before: fc.tuple(fc.nat(3), fc.nat(3)),
        after: fc.tuple(fc.nat(3), fc.nat(3)),
      }),
      { minLength: 1, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(dims, fc.constantFrom('int8', 'float32', 'int64'), async (each, dtype) => {
        const source = numbered(
          dtype,
          each.map(({ size, before, after }) => before[0] + size + after[0]),
        );
        const target = numbered(
          dtype,
          each.map(({ size, before, after }) => before[1] + size + after[1]),
          5,
        );
        const expected = tensor(dtype, target.shape, target.data.slice() as never); // slice keeps the class of the array
        const copy = {
          sourceOffset: each.map(({ before }) => before[0]),
          targetOffset: each.map(({ before }) => before[1]),
          size: each.map(({ size }) => size),
        };
        copyRegion(source, expected, copy);
        const segment = nextSegment();
        await transport.write(segment, [new Uint8Array(64), bytesOf(source)]);
        const width = source.data.BYTES_PER_ELEMENT;
        await transport.read([
          {
            box: {
              segment,
              byteOffset: 64,
              shape: [...source.shape, width],
              offset: [...copy.sourceOffset, 0],
              size: [...copy.size, width],
            },
            target: bytesOf(target),
            targetShape: [...target.shape, width],
            targetOffset: [...copy.targetOffset, 0],
          },
        ]);
        expect(bytesOf(target)).toEqual(bytesOf(expected));
      }),
      { numRuns: 60 },
    );
  });

  test('a strided box larger than a frame arrives whole', async () => {
    const source = numbered('int32', [900, 1100]);
    const segment = nextSegment();
    await transport.write(segment, [bytesOf(source)]);
    const target = tensor('int32', [880, 700]);
    const copy = { sourceOffset: [7, 300], targetOffset: [0, 0], size: [880, 700] };
    await transport.read([
      {
        box: { segment, byteOffset: 0, shape: [900, 1100, 4], offset: [7, 300, 0], size: [880, 700, 4] },
        target: bytesOf(target),
        targetShape: [880, 700, 4],
        targetOffset: [0, 0, 0],
      },
    ]);
    const expected = tensor('int32', [880, 700]);
    copyRegion(source, expected, copy);
    expect(Buffer.compare(bytesOf(target), bytesOf(expected))).toBe(0);
  });

  test('thousands of small tensors come back each to its own target', async () => {
    const tensors = Array.from({ length: 3000 }, (_, index) => numbered('int16', [1 + (index % 40)], index));
    const segment = nextSegment();
    await transport.write(segment, tensors.map(bytesOf));
    let offset = 0;
    const fetches = tensors.map((each) => {
      const fetch = whole(segment, each.data.byteLength, offset);
      offset += each.data.byteLength;
      return fetch;
    });
    await transport.read(fetches);
    expect(fetches.map(({ target }) => Buffer.from(target).toString('hex'))).toEqual(
      tensors.map((each) => Buffer.from(bytesOf(each)).toString('hex')),
    );
  });

  test('a segment is written once and never again', async () => {
    const segment = nextSegment();
    await transport.write(segment, [Uint8Array.of(1)]);
    await expect(transport.write(segment, [Uint8Array.of(2)])).rejects.toThrow(VolumeUnavailableError);
    const fetch = whole(segment, 1);
    await transport.read([fetch]);
    expect(fetch.target).toEqual(Uint8Array.of(1));
  });

  test('a segment that is gone is a typed error', async () => {
    await expect(transport.read([whole('session-way/999999', 1)])).rejects.toThrow(VolumeUnavailableError);
  });

  test('a segment that is too short is a typed error, not zeros', async () => {
    const segment = nextSegment();
    await transport.write(segment, [new Uint8Array(10)]);
    await expect(transport.read([whole(segment, 11)])).rejects.toThrow(VolumeUnavailableError);
  });
});

describe('the server of a volume', () => {
  test('turns away whoever lacks the token', async () => {
    const wrong = { ...volume.address, token: 'guess!' };
    await expect(Connection.open(wrong, { session: 'session-2', timeoutMs: 1000 })).rejects.toThrow(
      VolumeUnavailableError,
    );
  });

  test('lets a session write only its own segments', async () => {
    const other = await Connection.open(volume.address, { session: 'session-2', timeoutMs: 1000 });
    await expect(webSocketTransport(other).write('session-1/1', [Uint8Array.of(1)])).rejects.toThrow('cannot write');
    other[Symbol.dispose]();
  });

  test('closes the connection of a peer that does not speak the protocol', async () => {
    const socket = new WebSocket(`${volume.address.url}/session-3`, subprotocol, {
      headers: { authorization: 'Bearer secret' },
    });
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send('hello');
    const code = await new Promise((resolve) => socket.once('close', resolve));
    expect(code).toBe(1002);
  });

  test('closes the connection of a peer whose message is oversize', async () => {
    const socket = new WebSocket(`${volume.address.url}/session-3`, subprotocol, {
      headers: { authorization: 'Bearer secret' },
    });
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(new Uint8Array(3 * 2 ** 20));
    const code = await new Promise((resolve) => {
      socket.on('error', () => {}); // the reset that may follow the close
      socket.once('close', resolve);
    });
    expect([1002, 1006]).toContain(code);
  });

  test('notices that a client is gone, and fails what that client still waits for', async () => {
    const other = await Connection.open(volume.address, { session: 'session-4', timeoutMs: 10_000 });
    const answer = other.request({ type: 'read', meta: { boxes: [] }, payload: new Uint8Array(0) });
    other[Symbol.dispose]();
    await expect(answer).rejects.toThrow(VolumeUnavailableError);
    await other.closed;
    await expect.poll(() => volume.ended).toEqual(['session-4']);
  });

  test('a volume that goes away fails the requests on its connections', async () => {
    await using own = await startVolume();
    using other = await Connection.open(own.address, { session: 'session-5', timeoutMs: 10_000 });
    await own.server[Symbol.asyncDispose]();
    await other.closed;
    const late = other.request({ type: 'read', meta: { boxes: [] }, payload: new Uint8Array(0) });
    await expect(late).rejects.toThrow(VolumeUnavailableError);
  });

  test('only a process that reads the nonce takes the directory for its own', async () => {
    expect(await seesDirectory(volume.address)).toBe(true);
    expect(await seesDirectory({ ...volume.address, nonce: 'another' })).toBe(false);
    expect(await seesDirectory({ ...volume.address, directory: '/nowhere' })).toBe(false);
  });
});
