import type { IncomingMessage } from 'node:http';
import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import { refusalAnswer } from '../wire/upgrade.ts';

/** Errors of a Unix socket that nobody will listen on again: ids of processes are never used twice. */
const ENDED = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTSOCK']);

/** Hands an upgraded connection, with the request that opened it, to the process that listens at `path`. */
export function splice({ method, url, rawHeaders }: IncomingMessage, outer: Duplex, head: Buffer, path: string): void {
  const inner = createConnection({ path });
  let isOpen = false;
  inner.once('connect', () => {
    isOpen = true;
    const lines = [`${method} ${url} HTTP/1.1`];
    for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
    inner.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    if (head.length > 0) inner.write(head);
    // `pipe` keeps back-pressure: a slow reader slows its writer down, and nothing is held here.
    outer.pipe(inner).pipe(outer);
  });
  inner.once('error', (error: NodeJS.ErrnoException) => {
    if (isOpen) outer.destroy();
    else if (ENDED.has(error.code ?? '')) refuse(outer, '410 Gone', 'the process has ended.');
    else refuse(outer, '503 Service Unavailable', error.message);
  });
  outer.once('error', () => inner.destroy());
  outer.once('close', () => inner.destroy());
  inner.once('close', () => isOpen && outer.destroy());
}

/** Answers an upgrade with a status instead. */
export function refuse(socket: Duplex, status: `${number} ${string}`, reason: string): void {
  socket.on('error', () => {});
  socket.end(refusalAnswer(status, reason));
}
