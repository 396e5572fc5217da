import type { Socket } from 'node:net';
import { reasonText } from '../errors.ts';
import type { Connection, ConnectionEvents } from './connection.ts';
import { socketOn, takeHandle } from './socket-handle.ts';
import { controlFrame, FrameReader, frameHeadBytes, writeFrameHead } from './websocket-frames.ts';

/** Frames up to this are copied together: one system call is dearer than the copy. */
const COPIED_BYTES = 4_096;
/** Time for what was sent before a close to leave. */
const CLOSE_MS = 5_000;

/** Which side of a stream this is, and what was read from it already. */
export interface SocketSide {
  readonly isClient: boolean;
  /** Came behind the head of the handshake. */
  readonly rest: Uint8Array;
}

/** A connection over a stream, TCP, TLS or Unix, on which the handshake of a WebSocket is done. */
export function socketConnection(opened: Socket, { isClient, rest }: SocketSide, events: ConnectionEvents): Connection {
  let reason = 'its connection ended.';
  let cause: Error | undefined;
  let isClosing = false;
  const close = () => {
    if (isClosing) return;
    isClosing = true;
    stream.write(controlFrame('close', isClient));
    stream.destroySoon();
    const timer = setTimeout(() => stream.destroy(), CLOSE_MS).unref();
    stream.once('close', () => clearTimeout(timer));
  };
  const reader = new FrameReader({
    onFrame: events.onFrame,
    onPing: () => void stream.write(controlFrame('pong', isClient)),
    onClose: close,
  });
  const read = (chunk: Uint8Array) => {
    if (isClosing) return;
    try {
      reader.push(chunk);
    } catch (error) {
      reason = `it was cut off: ${reasonText(error)}`;
      if (error instanceof Error) cause = error;
      stream.destroy();
    }
  };
  const handle = takeHandle(opened);
  const stream = handle === undefined ? opened : socketOn(handle, read);
  if (stream === opened) stream.on('data', read);
  stream.on('drain', events.onDrain);
  stream.on('error', (error) => {
    reason = `its connection failed: ${error.message}`;
  });
  stream.once('close', () => events.onEnd(reason, cause));
  if (rest.length > 0) process.nextTick(read, rest);
  stream.resume();
  return {
    get bufferedBytes() {
      return stream.writableLength;
    },
    send: (parts) => {
      if (isClosing || stream.destroyed) return;
      let length = 0;
      for (const part of parts) length += part.length;
      const headBytes = frameHeadBytes(length, isClient);
      if (length <= COPIED_BYTES) {
        const frame = Buffer.allocUnsafe(headBytes + length);
        let offset = writeFrameHead(frame, length, isClient);
        for (const part of parts) {
          frame.set(part, offset);
          offset += part.length;
        }
        stream.write(frame);
        return;
      }
      const head = Buffer.allocUnsafe(headBytes);
      writeFrameHead(head, length, isClient);
      stream.cork();
      stream.write(head);
      for (const part of parts) stream.write(part);
      stream.uncork();
    },
    close,
  };
}
