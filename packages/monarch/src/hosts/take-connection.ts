import type { Server, TLSSocket } from 'node:tls';
import { Bounded } from '../collections/bounded.ts';
import { reasonText } from '../errors.ts';
import type { Accept } from '../wire/connection.ts';
import { socketOn } from '../wire/socket-handle.ts';
import { acceptOpened } from '../wire/socket-opening.ts';
import { serverTls } from './credentials.ts';
import { HELLO_MS } from './front-door.ts';
import type { HandedTo } from './handed-connection.ts';
import { ANSWER } from './prologue.ts';

/** Addresses whose refusal was told; then the oldest is forgotten. */
const MAX_TOLD = 256;

/** Takes connections that were handed to this process, and has their other side prove itself. */
export function takeConnections(accept: Accept): HandedTo['take'] {
  const told = new Bounded<string, true>(MAX_TOLD);
  const refused = (from: string, error: unknown) => {
    if (told.get(from) !== undefined) return;
    told.set(from, true);
    process.stderr.write(
      `forge: refused a connection from ${from}: ${reasonText(error)} (told once for each address)\n`,
    );
  };
  /** One: all connections of a program to a machine have one key. */
  let secure: Server | undefined;
  return ({ key, from }, handle) => {
    const stream = socketOn(handle);
    stream.on('error', () => {});
    stream.write(Uint8Array.of(ANSWER.ready));
    if (key === '') return acceptOpened(stream, accept);
    secure ??= process
      // Loaded by those who need it: it makes the start of a process slower.
      .getBuiltinModule('node:tls')
      .createServer({ ...serverTls({ kind: 'token', key: Buffer.from(key, 'hex') }), handshakeTimeout: HELLO_MS })
      .on('secureConnection', (opened: TLSSocket) => acceptOpened(opened, accept))
      .on('tlsClientError', (error: Error, failed: TLSSocket) => {
        refused(failed.remoteAddress ?? from, error);
        failed.destroy();
      });
    secure.emit('connection', stream);
  };
}
