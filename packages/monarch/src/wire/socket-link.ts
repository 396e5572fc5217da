import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { reasonText } from '../errors.ts';
import { MAX_FRAME_BYTES } from './limits.ts';
import type { Link, LinkEvents } from './link.ts';
import { PacketReader, toFrames } from './packet.ts';

/** Options of every socket, on both ends. Frames stay on one machine: neither compression nor text is needed. */
export const SOCKET_OPTIONS = {
  perMessageDeflate: false,
  skipUTF8Validation: true,
  maxPayload: MAX_FRAME_BYTES,
} as const;

/** A link over a WebSocket and the connection below it. A frame that is no part of a packet ends it. */
export function socketLink(socket: WebSocket, connection: Socket, { onPacket, onClose }: LinkEvents): Link {
  const reader = new PacketReader();
  let isCorked = false;
  let reason = 'its connection ended.';
  socket.on('message', (frame: Buffer) => {
    try {
      // Not as a Buffer, whose slice() is a view: copies made from here on must be copies.
      const packet = reader.push(new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength));
      if (packet !== undefined) onPacket(packet);
    } catch (error) {
      reason = `it was cut off: ${reasonText(error)}`;
      socket.terminate();
    }
  });
  socket.on('error', (error) => {
    reason = `its connection failed: ${error.message}`;
  });
  socket.once('close', () => onClose(reason));
  return {
    send: (packet) => {
      if (socket.readyState !== socket.OPEN) return;
      if (!isCorked) {
        // What is sent in one turn leaves in one system call.
        isCorked = true;
        connection.cork();
        process.nextTick(() => {
          isCorked = false;
          connection.uncork();
        });
      }
      for (const frame of toFrames(packet)) socket.send(frame);
    },
    close: () => socket.close(),
  };
}
