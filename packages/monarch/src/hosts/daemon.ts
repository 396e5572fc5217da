import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { OptionError, reasonText } from '../errors.ts';
import { isProcessId } from '../process/process-id.ts';
import { type HostAddress, isLoopback } from './address.ts';
import { allowList } from './allow-list.ts';
import { type Credentials, serverTls } from './credentials.ts';
import { type AttachAnswer, type AttachRequest, PROTOCOL, readAttachRequest } from './protocol.ts';
import { refuse, splice } from './splice.ts';
import { ownedDirectory, sweepDirectories } from './sweep.ts';
import { Tenant } from './tenant.ts';

/** Time for a peer to prove itself and to say what it wants. */
const HELLO_MS = 5_000;
/** A request has some 300 bytes of headers. */
const MAX_HEADER_BYTES = 4_096;
/** What a program says is short. */
const MAX_MESSAGE_BYTES = 16_384;
/** Addresses whose refusal was told; then the oldest is forgotten. */
const MAX_TOLD = 1_000;
/** A connection whose peer is gone without a word ends after some minutes. */
const KEEP_ALIVE_MS = 30_000;

const REQUEST = /^\/(?:(watch)|(attach)\/([\w-]{16,64})|p\/([\w-]{16,64})\/([\w.]{1,128})(?:\?[\w=-]{1,128})?)$/;

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
    const known = tenants.get(program);
    if (request.again && known === undefined) return no(socket, 'its processes there have ended.', true);
    const tenant = known ?? admit(program, request);
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
    const [, watch, attaching, program = '', of = '', id] = REQUEST.exec(request.url ?? '') ?? [];
    // Pages in a browser of this machine reach loopback, too; only they send an origin.
    if (request.headers.origin !== undefined)
      return refuse(socket, '403 Forbidden', 'pages of browsers are not served.');
    if (id !== undefined && isProcessId(id)) {
      const tenant = tenants.get(of);
      return tenant === undefined
        ? refuse(socket, '410 Gone', 'the program has nothing here.')
        : splice(request, socket, head, join(tenant.directory, `${id}.sock`));
    }
    if (watch === undefined && attaching === undefined)
      return refuse(socket, '404 Not Found', 'there is nothing of this name.');
    sockets.handleUpgrade(request, socket, head, (opened) => {
      opened.on('error', () => opened.terminate());
      if (attaching === undefined) return;
      const timer = setTimeout(() => opened.terminate(), HELLO_MS);
      opened.once('message', (data) => {
        clearTimeout(timer);
        void attach(opened, program, String(data));
      });
      opened.once('close', () => clearTimeout(timer));
    });
  };

  const server = openServer(credentials);
  server.on('connection', (socket: Socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
  server.on('upgrade', upgrade);
  // Of TLS, too.
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    refused(addressOf(socket), REFUSALS[error.code ?? ''] ?? `it could not prove itself (${error.code}).`);
    socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(new OptionError('listen', cause.message, { cause })));
    server.listen({ host: listen.host, port: listen.port }, resolve);
  });
  // It listens on a port.
  const { port } = server.address() as AddressInfo;
  const killNow = () => {
    for (const tenant of tenants.values()) tenant.killNow();
    rmSync(directory, { recursive: true, force: true });
  };
  return {
    address: { host: listen.host, port },
    close: async (reason) => {
      await Promise.all([...tenants.values()].map(async (tenant) => await tenant.end(reason)));
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
  return server;
}

function addressOf(socket: Duplex): string | undefined {
  const address: unknown = Reflect.get(socket, 'remoteAddress');
  return typeof address === 'string' ? address : undefined;
}
