import { timingSafeEqual } from 'node:crypto';
import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { readOwner } from '../owner.ts';
import { acceptOf, HandshakeReader, type HttpHead, subprotocol, writeHead } from './handshake.ts';
import { ServedSession, type SessionEnd } from './served-session.ts';
import { acceptStream, type Intake } from './stream.ts';
import { sessionOf } from './transport.ts';

/** What a volume serves, and whom it tells about sessions. */
export interface ServeOptions {
  readonly directory: string;
  readonly token: string;
  /** Address to listen on. */
  readonly host: string;
  readonly port: number;
  /** A path to listen on too, for processes of this machine. */
  readonly socketPath?: string | undefined;
  /** The certificate to show and its key, in PEM. @default none: no encryption */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** How long a client that was cut off may take to come back before its session ends. */
  readonly reconnectMs: number;
  /** A client has connected; its segments may be written once this returns. */
  readonly onSession: (session: string) => void;
  /** A client has said that it is done, or was lost. */
  readonly onSessionEnd: (session: string, how: SessionEnd) => void;
}

/** A running server of segments. */
export interface SegmentServer extends AsyncDisposable {
  readonly port: number;
  /** Ends a session, whether its client is connected or may come back. */
  end(session: string): void;
}

/** Time for a handshake. */
const handshakeMs = 10_000;

/** Serves the segments of a directory to clients that have the token. */
export async function serveSegments(options: ServeOptions): Promise<SegmentServer> {
  const { host, port, socketPath, tls } = options;
  const sessions = new Map<string, ServedSession>();
  const streams = new Set<Socket>();
  const accept = (accepted: Socket) => {
    const stream = acceptClient(accepted, options, sessions);
    streams.add(stream);
    stream.once('close', () => streams.delete(stream));
  };
  // Paused: nothing may be read before it is known where it goes.
  const limits = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 15_000, pauseOnConnect: true };
  const remote =
    tls === undefined
      ? createServer(limits, accept)
      : createTlsServer({ ...limits, ...tls, handshakeTimeout: handshakeMs, pauseOnConnect: false }, accept);
  const local = socketPath === undefined ? undefined : createServer(limits, accept);
  await listen(remote, { host, port });
  if (local !== undefined) await listen(local, { path: socketPath });
  return {
    port: (remote.address() as AddressInfo).port, // a listening TCP server has such an address
    end: (session) => sessions.get(session)?.[Symbol.dispose](),
    async [Symbol.asyncDispose]() {
      const closed = [remote, local].map(
        (server) => new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve()))),
      );
      for (const session of [...sessions.values()]) session[Symbol.dispose]();
      for (const stream of streams) stream.destroySoon();
      await Promise.all(closed);
    },
  };
}

function listen(server: Server, where: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, resolve);
  });
}

/** Shakes hands with whoever has connected, and gives the stream to the session that it names. */
function acceptClient(accepted: Socket, options: ServeOptions, sessions: Map<string, ServedSession>): Socket {
  const intake: Intake = {
    sink: new HandshakeReader((head, rest) => {
      clearTimeout(timer);
      const refusal = refusalOf(head, options.token, sessions);
      if (head === undefined || refusal !== undefined) {
        const [status, reason] = refusal ?? ['400 Bad Request', 'this is no request'];
        stream.end(
          writeHead(`HTTP/1.1 ${status}`, { Connection: 'close', 'Content-Length': '0', 'Forge-Reason': reason }),
        );
        stream.destroySoon();
        return;
      }
      const { session } = targetOf(head);
      // Before the answer: a client that shares the memory writes as soon as it has it.
      const served = sessions.get(session) ?? beginSession(session, options, sessions);
      stream.write(
        writeHead('HTTP/1.1 101 Switching Protocols', {
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Accept': acceptOf(head.headers.get('sec-websocket-key') ?? ''),
          'Sec-WebSocket-Protocol': subprotocol,
        }),
      );
      served.connect({ stream, intake, rest }, readOwner(head.headers.get('forge-owner') ?? ''));
    }),
  };
  const stream = acceptStream(accepted, intake);
  stream.on('error', () => {}); // 'close' follows
  const timer = setTimeout(() => stream.destroy(), handshakeMs);
  stream.once('close', () => clearTimeout(timer));
  return stream;
}

function beginSession(
  session: string,
  { directory, reconnectMs, onSession, onSessionEnd }: ServeOptions,
  sessions: Map<string, ServedSession>,
): ServedSession {
  const onEnd = (how: SessionEnd) => {
    sessions.delete(session);
    onSessionEnd(session, how);
  };
  const served = new ServedSession({ directory, session, reconnectMs, onEnd });
  sessions.set(session, served);
  onSession(session);
  return served;
}

function targetOf({ line }: HttpHead): { readonly session: string; readonly isResumed: boolean } {
  const [, target = ''] = line.split(' ');
  const [path = '', query] = target.split('?');
  return { session: path.slice(1), isResumed: query === 'resume' };
}

/** Why a request does not open a connection: a status, and words; undefined when it does. */
function refusalOf(
  head: HttpHead | undefined,
  token: string,
  sessions: ReadonlyMap<string, unknown>,
): readonly [status: string, reason: string] | undefined {
  if (head === undefined) return ['431 Request Header Fields Too Large', 'this is no request'];
  // First: who has no token learns nothing else.
  if (!isAuthorized(head, token)) return ['401 Unauthorized', 'the token is not that of this volume'];
  const offered = (head.headers.get('sec-websocket-protocol') ?? 'none').split(',').map((name) => name.trim());
  const isUpgrade = head.headers.get('upgrade')?.toLowerCase() === 'websocket';
  if (!isUpgrade || !head.headers.has('sec-websocket-key') || !offered.includes(subprotocol))
    return [
      '426 Upgrade Required',
      `it speaks ${subprotocol} and was asked for ${offered.join(', ').replaceAll(/[^ -~]/g, ' ')}`,
    ];
  const { session, isResumed } = targetOf(head);
  if (sessionOf(`${session}/0`) === undefined) return ['400 Bad Request', 'this is not the name of a session'];
  if (isResumed && !sessions.has(session)) return ['410 Gone', 'the session has ended'];
  return undefined;
}

function isAuthorized({ headers }: HttpHead, token: string): boolean {
  const given = Buffer.from(headers.get('authorization') ?? '');
  const expected = Buffer.from(`Bearer ${token}`);
  return given.length === expected.length && timingSafeEqual(given, expected);
}
