import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { OptionError, reasonText } from '../errors.ts';
import { takeHandle } from '../wire/socket-handle.ts';
import { refusalAnswer } from '../wire/upgrade.ts';
import { type HostAddress, isLoopback } from './address.ts';
import { allowList } from './allow-list.ts';
import { type Credentials, serverTls } from './credentials.ts';
import { frontDoor, HELLO_MS } from './front-door.ts';
import { Gate } from './gate.ts';
import { answerGone } from './handed-connection.ts';
import { connectionKey } from './prologue.ts';
import { type AttachAnswer, type AttachRequest, GONE, PROTOCOL, readAttachRequest } from './protocol.ts';
import { ownedDirectory, sweepDirectories } from './sweep.ts';
import { Tenant } from './tenant.ts';

/** A request has some 300 bytes of headers. */
const MAX_HEADER_BYTES = 4_096;
/** What a program says is short. */
const MAX_MESSAGE_BYTES = 16_384;
/** Addresses whose refusal was told; then the oldest is forgotten. */
const MAX_TOLD = 1_000;
const REQUEST = /^\/(watch|attach)\/([\w-]{16,64})$/;

/** What the codes of OpenSSL and of the HTTP parser mean here. */
const REFUSALS: Readonly<Record<string, string>> = {
  ERR_SSL_BINDER_DOES_NOT_VERIFY: 'it has another token.',
  ERR_SSL_NO_SHARED_CIPHER: 'it has no token.',
  ERR_SSL_HTTP_REQUEST: 'it does not speak TLS.',
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'it has no certificate.',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'it said nothing.',
  ERR_HTTP_REQUEST_TIMEOUT: 'it said too little.',
  HPE_HEADER_OVERFLOW: 'its headers are too long.',
  ECONNRESET: 'it left before it had proved itself.',
};

/** What makes a daemon. */
export interface DaemonOptions {
  readonly listen: HostAddress;
  readonly credentials: Credentials;
  /** Folders from which actor modules may be loaded. */
  readonly allow: readonly string[];
  /** How long processes outlive the connection of their program, at least. */
  readonly orphanMs: number;
  /** Takes one line for each thing of note. */
  readonly log: (line: string) => void;
}

/** A running daemon. */
export interface Daemon {
  /** With the real port, when 0 was asked for. */
  readonly address: HostAddress;
  /** Ends every program's processes here, and stops listening. */
  close(reason: string): Promise<void>;
  /** The same by force, at once. */
  killNow(): void;
}

/**
 * Serves this machine: authenticates, starts an agent for each program, and hands connections on to its processes.
 * Code of actors never runs here.
 *
 * @throws {OptionError} when others could reach it without credentials.
 */
export async function startDaemon({ listen, credentials, allow, orphanMs, log }: DaemonOptions): Promise<Daemon> {
  if (credentials.kind === 'none' && !isLoopback(listen.host)) {
    const advice = 'Give --token-file, or --cert, --key and --ca; or listen on 127.0.0.1.';
    throw new OptionError('listen', `${listen.host} can be reached by others, and nothing keeps them out. ${advice}`);
  }
  const folders = allowList(allow);
  await sweepDirectories();
  const directory = await ownedDirectory();
  const tenants = new Map<string, Tenant>();
  const gate = new Gate();
  const told = new Set<string>();
  let count = 0;

  const refused = (address: string | undefined, reason: string) => {
    const who = address ?? 'an unknown address';
    if (told.has(who)) return;
    if (told.size >= MAX_TOLD) told.delete(told.values().next().value ?? '');
    told.add(who);
    log(`refused ${who}: ${reason} (told once for each address)`);
  };

  const admit = (program: string, request: AttachRequest): Tenant => {
    const where = `${request.name} as ${request.machine}`;
    const tenant = new Tenant(request, {
      key: credentials.kind === 'none' ? '' : Buffer.from(connectionKey(program).key).toString('hex'),
      directory: join(directory, String(++count)),
      allow: folders,
      orphanMs,
      onLine: (_, line) => log(`${request.name}: ${line}`),
      onEnd: (reason) => {
        tenants.delete(program);
        log(`detached ${where}: ${reason}`);
      },
    });
    tenants.set(program, tenant);
    gate.add(program);
    log(`attached ${where}, node ${request.node}: agent ${tenant.pid}`);
    return tenant;
  };

  const answer = (socket: WebSocket, text: AttachAnswer) => socket.send(JSON.stringify(text));
  const no = (socket: WebSocket, reason: string, isGone = false) => {
    answer(socket, { kind: 'refused', protocol: PROTOCOL, node: process.version, reason, isGone });
    socket.close();
  };

  const attach = async (socket: WebSocket, program: string, text: string) => {
    const request = readAttachRequest(text);
    if (request === undefined) return no(socket, 'its request is damaged.');
    if (request.protocol !== PROTOCOL) {
      const versions = `speaks version ${PROTOCOL} of the protocol, the program version ${request.protocol}`;
      return no(socket, `it ${versions}. Install the same @forge/monarch on both sides.`);
    }
    const present = tenants.get(program);
    if (request.again && present === undefined) return no(socket, 'its processes there have ended.', true);
    const tenant = present ?? admit(program, request);
    tenant.keepBy(socket);
    try {
      await tenant.ready;
    } catch (error) {
      return no(socket, reasonText(error), true);
    }
    answer(socket, {
      ...{ kind: 'accepted', protocol: PROTOCOL, node: process.version, platform: process.platform },
      ...{ hostname: hostname(), allow: folders },
    });
  };

  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MAX_MESSAGE_BYTES });
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const [, what, program = ''] = REQUEST.exec(request.url ?? '') ?? [];
    // Pages in a browser of this machine reach loopback, too; only they send an origin.
    if (request.headers.origin !== undefined)
      return refuse(socket, '403 Forbidden', 'pages of browsers are not served.');
    if (what === undefined) return refuse(socket, '404 Not Found', 'there is nothing of this name.');
    const watched = tenants.get(program);
    if (what === 'watch' && watched === undefined)
      return refuse(socket, `${GONE} Gone`, 'the program has nothing here.');
    sockets.handleUpgrade(request, socket, head, (opened) => {
      opened.on('error', () => opened.terminate());
      if (what === 'watch') return watched?.watchBy(opened);
      const timer = setTimeout(() => opened.terminate(), HELLO_MS);
      opened.once('message', (data) => {
        clearTimeout(timer);
        void attach(opened, program, String(data));
      });
      opened.once('close', () => clearTimeout(timer));
    });
  };

  /** Hands a connection on to the process that its prologue names. */
  const handOn = (line: string, socket: Socket) => {
    const { remoteAddress: address = '' } = socket;
    const named = gate.check(line);
    const handle = named === undefined ? undefined : takeHandle(socket);
    if (named === undefined || handle === undefined) {
      socket.destroy();
      return refused(address, 'it asked for a process, and did not prove that it belongs to its program.');
    }
    const tenant = tenants.get(named.program);
    if (tenant === undefined) answerGone(handle);
    else tenant.hand(named.to, address, handle);
  };

  const server = openServer(credentials);
  server.on('upgrade', upgrade);
  // Of TLS, too.
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    refused(addressOf(socket), REFUSALS[error.code ?? ''] ?? `it could not prove itself (${error.code}).`);
    socket.destroy();
  });
  const door = frontDoor({
    onPrologue: handOn,
    onOther: (socket) => void server.emit('connection', socket),
    onRefused: refused,
  });
  await new Promise<void>((resolve, reject) => {
    door.once('error', (cause) => reject(new OptionError('listen', cause.message, { cause })));
    door.listen({ host: listen.host, port: listen.port }, resolve);
  });
  // It listens on a port.
  const { port } = door.address() as AddressInfo;
  const killNow = () => {
    for (const tenant of tenants.values()) tenant.killNow();
    rmSync(directory, { recursive: true, force: true });
  };
  return {
    address: { host: listen.host, port },
    close: async (reason) => {
      await Promise.all([...tenants.values()].map(async (tenant) => await tenant.end(reason)));
      door.close();
      server.close();
      server.closeAllConnections();
      for (const socket of sockets.clients) socket.terminate();
      killNow();
    },
    killNow,
  };
}

function openServer(credentials: Credentials): Server {
  const limits: ServerOptions = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HELLO_MS,
    requestTimeout: HELLO_MS,
    connectionsCheckingInterval: 1_000,
  };
  const tls = serverTls(credentials);
  const server =
    tls === undefined ? createServer(limits) : createTlsServer({ ...limits, ...tls, handshakeTimeout: HELLO_MS });
  server.on('request', (_, response) => {
    response.writeHead(426, { connection: 'close', 'content-length': 0 });
    response.end(() => response.socket?.destroy());
  });
  // It is given its connections. Its limits of time begin with this word.
  server.emit('listening');
  return server;
}

/** Answers an upgrade with a status instead. */
function refuse(socket: Duplex, status: `${number} ${string}`, reason: string): void {
  socket.on('error', () => {});
  socket.end(refusalAnswer(status, reason));
}

function addressOf(socket: Duplex): string | undefined {
  const address: unknown = Reflect.get(socket, 'remoteAddress');
  return typeof address === 'string' ? address : undefined;
}
