import type { Socket } from 'node:net';
import { HandshakeError, reasonText } from '../errors.ts';
import type { Accept, ConnectionEvents, Dialling } from './connection.ts';
import { socketConnection } from './socket-connection.ts';
import { readHead, refusalAnswer, upgradeAnswer, upgradeRequest } from './upgrade.ts';

/** Time for the handshake of a WebSocket. */
const OPEN_MS = 30_000;

/** Runs `late` when a handshake takes too long. */
function deadline(stream: Socket): () => void {
  const timer = setTimeout(() => stream.destroy(), OPEN_MS).unref();
  return () => clearTimeout(timer);
}

/** Opens a WebSocket on a connected stream, TCP, TLS or Unix. */
export function openSocket(stream: Socket, to: { host: string; path: string }, dialling: Dialling): void {
  const { text, check } = upgradeRequest(to.host, to.path);
  let failure = 'the stream ended in the handshake.';
  const onError = (error: Error) => {
    failure = error.message;
  };
  stream.on('error', onError);
  const stop = deadline(stream);
  stream.write(text);
  readHead(stream, (opened) => {
    stop();
    stream.off('error', onError);
    if (opened === undefined) {
      stream.destroy();
      dialling.onRefused({ gone: false, reason: failure });
      return;
    }
    try {
      check(opened.head);
    } catch (error) {
      stream.destroy();
      // Only a server that is in trouble may answer otherwise later.
      const gone = !opened.head.line.startsWith('HTTP/1.1 5');
      dialling.onRefused({ gone, reason: reasonText(error), ...(error instanceof Error && { cause: error }) });
      return;
    }
    dialling.onOpen(socketConnection(stream, { isClient: true, rest: opened.rest }, dialling));
  });
}

/** Answers the handshake on a stream that was accepted, and hands its connection on. */
export function acceptSocket(stream: Socket, accept: Accept): void {
  // A stream that breaks is closed, and that is told.
  stream.on('error', () => {});
  const stop = deadline(stream);
  readHead(stream, (opened) => {
    stop();
    if (opened === undefined) {
      stream.destroy();
      return;
    }
    try {
      stream.write(upgradeAnswer(opened.head.headers));
    } catch (error) {
      const status =
        error instanceof HandshakeError && error.why === 'version' ? '426 Upgrade Required' : '400 Bad Request';
      stream.end(refusalAnswer(status, reasonText(error)));
      stream.destroySoon();
      return;
    }
    acceptOpened(stream, accept, opened.rest);
  });
}

/** Hands a stream on which this process is the server, and no handshake is due, to whoever accepts connections. */
export function acceptOpened(stream: Socket, accept: Accept, rest: Uint8Array = new Uint8Array(0)): void {
  // Events come in later turns, when `accept` has returned.
  let events: ConnectionEvents | undefined;
  const connection = socketConnection(
    stream,
    { isClient: false, rest },
    {
      onFrame: (frame) => events?.onFrame(frame),
      onDrain: () => events?.onDrain(),
      onEnd: (reason, cause) => events?.onEnd(reason, cause),
    },
  );
  events = accept(connection);
}
