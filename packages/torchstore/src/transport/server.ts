import { timingSafeEqual } from 'node:crypto';
import { closeSync, constants, openSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { type ByteBox, byteCount } from '../byte-box.ts';
import { FrameError } from '../failures.ts';
import { SegmentReader, writeBuffers } from '../segment-file.ts';
import { decodeFrame, encodeHead, type Frame, maxFrameBytes, maxPayloadBytes, window } from './frame.ts';
import { parseRead, parseWrite } from './requests.ts';
import { sessionOf } from './transport.ts';

/** What a volume serves, and whom it tells about sessions. */
export interface ServeOptions {
  readonly directory: string;
  readonly token: string;
  /** Address to listen on. */
  readonly host: string;
  readonly port: number;
  /** A client has connected; its segments may be written once this returns. */
  readonly onSession: (session: string) => void;
  /** A client is gone, whether it said so or died. */
  readonly onSessionEnd: (session: string) => void;
}

/** A running server of segments. */
export interface SegmentServer extends AsyncDisposable {
  readonly port: number;
}

/** Serves the segments of a directory to clients that have the token. */
export async function serveSegments({
  directory,
  token,
  host,
  port,
  onSession,
  onSessionEnd,
}: ServeOptions): Promise<SegmentServer> {
  const http = createServer((_, response) => response.writeHead(426).end());
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    skipUTF8Validation: true,
    maxPayload: maxFrameBytes,
  });
  http.on('upgrade', (request, socket, head) => {
    const session = request.url?.slice(1) ?? '';
    if (!isAuthorized(request, token) || sessionOf(`${session}/0`) === undefined) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
      return;
    }
    // Answered by the kernel, not by a busy process: a host that vanished is noticed within half a minute.
    request.socket.setKeepAlive(true, 15_000);
    request.socket.setNoDelay(true);
    onSession(session);
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.once('close', () => onSessionEnd(session));
      serveClient(webSocket, { directory, session });
    });
  });
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, host, resolve);
  });
  return {
    port: (http.address() as AddressInfo).port, // a listening TCP server has such an address
    async [Symbol.asyncDispose]() {
      for (const client of sockets.clients) client.terminate();
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeAllConnections();
      await closed;
    },
  };
}

function isAuthorized({ headers }: IncomingMessage, token: string): boolean {
  const given = Buffer.from(headers.authorization ?? '');
  const expected = Buffer.from(`Bearer ${token}`);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** Answers the frames of one client in their order; a client that sends faster than it is served is paused. */
function serveClient(
  socket: WebSocket,
  { directory, session }: { readonly directory: string; readonly session: string },
): void {
  const writing = new Map<string, number>();
  const buffers: Buffer[] = [];
  const waiting: Buffer[][] = [];
  let isServing = false;
  const closeAll = () => {
    for (const descriptor of writing.values()) closeSync(descriptor);
    writing.clear();
  };
  const serve = async () => {
    isServing = true;
    for (let data = waiting.shift(); data !== undefined; data = waiting.shift()) {
      if (waiting.length < window) socket.resume();
      try {
        await answer(socket, decodeFrame(data), { directory, session, writing, buffers });
      } catch (error) {
        // Only a message that is no frame gets here: what else the peer sent cannot be understood either.
        socket.close(1002, error instanceof FrameError ? 'not a frame' : undefined);
        break;
      }
    }
    isServing = false;
    if (socket.readyState !== socket.OPEN) closeAll();
  };
  socket.binaryType = 'fragments';
  socket.on('message', (data: Buffer[]) => {
    waiting.push(data);
    if (waiting.length >= 2 * window) socket.pause();
    if (!isServing) void serve();
  });
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    waiting.length = 0;
    if (!isServing) closeAll();
  });
}

/** Answers that may wait in a socket: what a client with a full window has asked for. */
const maxBufferedBytes = window * maxPayloadBytes;

interface Client {
  readonly directory: string;
  readonly session: string;
  readonly writing: Map<string, number>;
  /** Payload buffers that have left: fresh memory for every answer costs more than the copy into it. */
  readonly buffers: Buffer[];
}

/** An answer; `buffer` is used again once it has left. */
interface Reply extends Omit<Frame, 'request' | 'isChecked'> {
  readonly buffer?: Buffer;
}

async function answer(
  socket: WebSocket,
  { type, request, meta, payload, isChecked }: Frame,
  client: Client,
): Promise<void> {
  let reply: Reply;
  try {
    if (type === 'write') reply = await write(meta, payload, client);
    else if (type === 'read') reply = await read(meta, client);
    else throw new FrameError(`A client does not send ${type} frames.`);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const isFull = error instanceof Error && 'code' in error && error.code === 'ENOSPC';
    reply = { type: 'failed', meta: { message, isFull }, payload: new Uint8Array(0) };
  }
  if (socket.readyState !== socket.OPEN) return;
  socket.send(encodeHead({ ...reply, request, isChecked }), { binary: true, fin: false });
  const sent = new Promise<void>((resolve) => {
    socket.send(reply.payload, { binary: true, fin: true }, () => {
      if (reply.buffer !== undefined) client.buffers.push(reply.buffer);
      resolve();
    });
  });
  // The next answer is prepared while this one leaves; a client that does not read gets no more of them.
  if (socket.bufferedAmount > maxBufferedBytes) await sent;
}

async function write(meta: unknown, payload: Uint8Array, { directory, session, writing }: Client): Promise<Reply> {
  const { segment, offset, isLast, overwrites } = parseWrite(meta);
  if (sessionOf(segment) !== session) throw new FrameError(`Session ${session} cannot write the segment ${segment}.`);
  const { O_CREAT, O_EXCL, O_WRONLY } = constants;
  const flags = O_CREAT | O_WRONLY | (overwrites ? 0 : O_EXCL);
  const descriptor = writing.get(segment) ?? openSync(join(directory, segment), flags, 0o600);
  writing.set(segment, descriptor);
  await writeBuffers(descriptor, [payload], offset);
  if (isLast) {
    writing.delete(segment);
    closeSync(descriptor);
  }
  return { type: 'written', meta: {}, payload: new Uint8Array(0) };
}

async function read(meta: unknown, { directory, buffers }: Client): Promise<Reply> {
  const { boxes, bytes } = parseRead(meta);
  const buffer = buffers.pop() ?? Buffer.allocUnsafeSlow(maxPayloadBytes);
  const payload = buffer.subarray(0, bytes);
  let start = 0;
  // Small tensors lie side by side in one segment: it is opened once for all of them.
  for (const [segment, own] of runsBySegment(boxes)) {
    using reader = new SegmentReader(join(directory, segment));
    for (const box of own) {
      const end = start + byteCount(box);
      const target = payload.subarray(start, end);
      await reader.fetch({ box, target, targetShape: box.size, targetOffset: box.size.map(() => 0) });
      start = end;
    }
  }
  return { type: 'data', meta: {}, payload, buffer };
}

function runsBySegment(boxes: readonly ByteBox[]): (readonly [segment: string, boxes: ByteBox[]])[] {
  const runs: (readonly [string, ByteBox[]])[] = [];
  for (const box of boxes) {
    const last = runs.at(-1);
    if (last?.[0] === box.segment) last[1].push(box);
    else runs.push([box.segment, [box]]);
  }
  return runs;
}
