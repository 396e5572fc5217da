import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Waits until no other process of this machine holds the lock of that name, and holds it until disposed of.
 *
 *   holder    listens on a local socket of that name ──── ends, however it ends: the kernel closes the socket
 *   waiter    is connected to it, and sent nothing   ──── sees the end, and tries to listen
 *
 * No lock outlives its process, and nobody polls.
 */
export async function holdLock(name: string, signal: AbortSignal): Promise<AsyncDisposable> {
  const address = addressOf(name);
  for (;;) {
    signal.throwIfAborted();
    const server = await listen(address);
    if (server !== undefined) return server;
    if (!(await sawHolderEnd(address, signal)) && isFile) await rm(address, { force: true });
  }
}

/** Elsewhere than on Linux and Windows a socket is a file that stays when its process is killed. */
const isFile = process.platform !== 'linux' && process.platform !== 'win32';

function addressOf(name: string): string {
  const short = `forge-hub-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
  if (process.platform === 'linux') return `\0${short}`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\${short}` : join(tmpdir(), short);
}

/** `undefined` when somebody listens there. */
function listen(address: string): Promise<AsyncDisposable | undefined> {
  return new Promise((resolve, reject) => {
    const waiters = new Set<{ destroy(): unknown }>();
    const server: Server = createServer((socket) => {
      waiters.add(socket);
      socket.on('error', () => socket.destroy()).on('close', () => waiters.delete(socket));
    });
    server.unref();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(address, () => {
      const release = (): Promise<void> =>
        new Promise((released) => {
          server.close(() => released());
          for (const waiter of waiters) waiter.destroy();
        });
      resolve({ [Symbol.asyncDispose]: release });
    });
  });
}

/** Whether there was a holder to wait for. */
function sawHolderEnd(address: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let isConnected = false;
    const socket = connect(address, () => {
      isConnected = true;
    });
    const abort = (): void => {
      socket.destroy();
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    // An error is a holder that is gone; 'close' follows.
    socket
      .on('error', () => undefined)
      .on('close', () => {
        signal.removeEventListener('abort', abort);
        resolve(isConnected);
      });
    socket.resume();
  });
}
