import { chmodSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { Accept, Dialling, Network } from './connection.ts';
import { acceptSocket, openSocket } from './socket-opening.ts';

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
    const server = createServer((stream) => acceptSocket(stream, this.#accept));
    this.#server = server;
    const path = this.#path(this.#id);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    chmodSync(path, 0o600);
    server.unref();
  }

  dial(id: string, dialling: Dialling): void {
    const stream = connect(this.#path(id));
    // A socket that nobody listens on stays so: its process has ended, or never was.
    const onError = (error: Error) => dialling.onRefused({ gone: true, reason: error.message });
    stream.once('error', onError);
    stream.once('connect', () => {
      stream.off('error', onError);
      openSocket(stream, { host: 'localhost', path: '/' }, dialling);
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
