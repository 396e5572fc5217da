import { chmodSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { WebSocket, WebSocketServer } from 'ws';
import type { Accept, ConnectionEvents, Dialling, Network } from './connection.ts';
import { SOCKET_OPTIONS, SUBPROTOCOL, socketConnection } from './socket-connection.ts';

/** Time for a process of this machine to accept a connection. */
const OPEN_MS = 30_000;

/** The Unix sockets of one program: each process listens on one, named after its id, in a directory of the program. */
export class UnixNetwork implements Network {
  readonly directory: string;
  readonly #id: string;
  readonly #accept: Accept;
  #server: Server | undefined;

  constructor(directory: string, id: string, accept: Accept) {
    this.directory = directory;
    this.#id = id;
    this.#accept = accept;
  }

  /** Listens. The socket does not keep the process alive. */
  async listen(): Promise<void> {
    // As `import` this module would load node's whole HTTP client, a third of the time that a process takes to start.
    const server = process.getBuiltinModule('node:http').createServer();
    this.#server = server;
    const handleProtocols = (offered: Set<string>) => offered.has(SUBPROTOCOL) && SUBPROTOCOL;
    const sockets = new WebSocketServer({ ...SOCKET_OPTIONS, server, handleProtocols });
    sockets.on('connection', (socket, { socket: stream }) => {
      // Events come in later turns, when `accept` has returned.
      let events: ConnectionEvents | undefined;
      const connection = socketConnection(socket, stream, {
        onFrame: (frame) => events?.onFrame(frame),
        onDrain: () => events?.onDrain(),
        onEnd: (reason) => events?.onEnd(reason),
      });
      events = this.#accept(connection);
    });
    const path = this.#path(this.#id);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    chmodSync(path, 0o600);
    server.unref();
  }

  dial(id: string, dialling: Dialling): void {
    const socket = new WebSocket(`ws+unix://${this.#path(id)}:/`, SUBPROTOCOL, {
      ...SOCKET_OPTIONS,
      handshakeTimeout: OPEN_MS,
      // The protocol wants a mask from clients. Zero is one, and it costs nothing to apply.
      generateMask: (mask) => mask.fill(0),
    });
    let reason = 'it does not listen.';
    // A socket that nobody listens on stays so: its process has ended, or never was.
    const refused = () => dialling.onRefused({ gone: true, reason });
    socket.once('error', (error) => {
      reason = error.message;
    });
    socket.once('close', refused);
    socket.once('upgrade', ({ socket: stream }) => {
      socket.off('close', refused);
      const connection = socketConnection(socket, stream, dialling);
      socket.once('open', () => dialling.onOpen(connection));
    });
  }

  /** 0: a connection between processes of one machine ends only with one of them. */
  resumeMs(): number {
    return 0;
  }

  close(): void {
    this.#server?.close();
  }

  #path(id: string): string {
    return join(this.directory, `${id}.sock`);
  }
}
