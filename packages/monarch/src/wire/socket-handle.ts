import { Socket, type SocketConstructorOpts } from 'node:net';

/**
 * What is read by all sockets of this process: each read is over before the next begins. Reads of 512 KiB are no faster,
 * and small calls beside a large argument then wait for 5 ms instead of 2.
 */
const READ_BYTES = 128 * 2 ** 10;
let readBuffer: Uint8Array | undefined;

/** The part of a socket that node keeps to itself, as its own cluster module passes it to other processes. */
export interface SocketHandle {
  readStop(): unknown;
  close(): void;
  reading: boolean;
}

/** Whether something is one. */
export function isSocketHandle(value: unknown): value is SocketHandle {
  return typeof value === 'object' && value !== null && 'readStop' in value && 'close' in value;
}

/**
 * Takes the connection out of a socket, which has ended then. Nothing more is read: to be called in the turn in which the
 * socket was read last. `undefined`: it has none of its own.
 */
export function takeHandle(socket: Socket): SocketHandle | undefined {
  // Node has no public way: the handle is its own. That of TLS is bound to its socket.
  const handle: unknown = Reflect.get(socket, '_handle');
  if (!isSocketHandle(handle) || 'encrypted' in socket) return undefined;
  handle.readStop();
  handle.reading = false;
  Reflect.set(socket, '_handle', null);
  socket.destroy();
  return handle;
}

/** A socket on a connection. With `onRead` what comes is told there, in memory that is used again after the call. */
export function socketOn(handle: SocketHandle, onRead?: (read: Uint8Array) => void): Socket {
  // The types know handles of another kind only.
  const options = { handle, readable: true, writable: true } as unknown as SocketConstructorOpts;
  if (onRead === undefined) return new Socket(options);
  readBuffer ??= new Uint8Array(READ_BYTES);
  const callback = (length: number, buffer: Uint8Array) => {
    onRead(buffer.subarray(0, length));
    return true;
  };
  return new Socket({ ...options, onread: { buffer: readBuffer, callback } });
}
