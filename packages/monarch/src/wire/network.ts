import { chmodSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { WebSocket, WebSocketServer } from 'ws';
import type { Link, LinkEvents } from './link.ts';
import { SOCKET_OPTIONS, socketLink } from './socket-link.ts';

/** A link that is being opened. */
export interface Opening extends LinkEvents {
  readonly onOpen: (link: Link) => void;
}

/** Time for a process of this machine to accept a connection. */
const HANDSHAKE_MS = 30_000;

/** The Unix sockets of one program: each process listens on one, named after its id, in a directory of the program. */
export class Network {
  readonly directory: string;
  readonly #id: string;
  readonly #accept: (id: string) => Opening;
  #server: Server | undefined;

  constructor(directory: string, id: string, accept: (id: string) => Opening) {
    this.directory = directory;
    this.#id = id;
    this.#accept = accept;
  }

  /** Listens. The socket does not keep the process alive. */
  async listen(): Promise<void> {
    // As `import` this module would load node's whole HTTP client, a third of the time that a process takes to start.
    const server = process.getBuiltinModule('node:http').createServer();
    this.#server = server;
    const sockets = new WebSocketServer({ ...SOCKET_OPTIONS, server });
    sockets.on('connection', (socket, { url = '', socket: connection }) => {
      const opening = this.#accept(decodeURIComponent(url.slice(1)));
      opening.onOpen(socketLink(socket, connection, opening));
    });
    const path = this.#path(this.#id);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    chmodSync(path, 0o600);
    server.unref();
  }

  /** Opens a link to another process of the program. */
  dial(id: string, opening: Opening): void {
    const socket = new WebSocket(`ws+unix://${this.#path(id)}:/${encodeURIComponent(this.#id)}`, {
      ...SOCKET_OPTIONS,
      handshakeTimeout: HANDSHAKE_MS,
      // The protocol wants a mask from clients. Zero is one, and it costs nothing to apply.
      generateMask: (mask) => mask.fill(0),
    });
    let reason = 'it does not listen.';
    const refused = () => opening.onClose(reason);
    socket.once('error', (error) => {
      reason = error.message;
    });
    socket.once('close', refused);
    socket.once('upgrade', ({ socket: connection }) => {
      socket.off('close', refused);
      const link = socketLink(socket, connection, opening);
      socket.once('open', () => opening.onOpen(link));
    });
  }

  /** Stops listening; open links stay. */
  close(): void {
    this.#server?.close();
  }

  #path(id: string): string {
    return join(this.directory, `${id}.sock`);
  }
}
