import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Connection, ConnectionEvents } from './connection.ts';
import { MAX_FRAME_BYTES } from './limits.ts';

/** Options of every socket, on both ends. Neither compression nor text is needed. */
export const SOCKET_OPTIONS = {
  perMessageDeflate: false,
  skipUTF8Validation: true,
  maxPayload: MAX_FRAME_BYTES,
} as const;

/** The protocol that sockets name when they are opened. */
export const SUBPROTOCOL = 'forge.1';

/** A connection over a WebSocket and the stream below it. */
export function socketConnection(socket: WebSocket, stream: Socket, events: ConnectionEvents): Connection {
  let isCorked = false;
  let reason = 'its connection ended.';
  socket.on('message', (frame: Buffer) => {
    // Not as a Buffer, whose slice() is a view: copies made from here on must be copies.
    events.onFrame(new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength));
  });
  socket.on('error', (error) => {
    reason = `its connection failed: ${error.message}`;
  });
  stream.on('drain', events.onDrain);
  socket.once('close', () => events.onEnd(reason));
  return {
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    send: (parts) => {
      if (socket.readyState !== socket.OPEN) return;
      if (!isCorked) {
        // What is sent in one turn leaves in one system call.
        isCorked = true;
        stream.cork();
        process.nextTick(() => {
          isCorked = false;
          stream.uncork();
        });
      }
      parts.forEach((part, i) => {
        socket.send(part, { fin: i === parts.length - 1 });
      });
    },
    close: () => socket.close(),
  };
}
