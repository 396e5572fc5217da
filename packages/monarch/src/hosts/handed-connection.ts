import { childTowards } from '../process/process-id.ts';
import type { Launched } from '../program/platform.ts';
import { isSocketHandle, type SocketHandle, socketOn } from '../wire/socket-handle.ts';
import { ANSWER } from './prologue.ts';

/**
 * A connection from another machine, on its way from the daemon to the process that it is meant for: by the channels
 * between parents and children, with its socket, from which nothing is read on the way.
 */
export interface HandedConnection {
  readonly kind: 'connection';
  /** Id of the process. */
  readonly to: string;
  /** Address of the other side, for people. */
  readonly from: string;
  /** Of TLS, in hexadecimal; empty where nothing is encrypted. */
  readonly key: string;
}

/** A process of this machine, as whoever started it knows it. */
export interface LaunchedHere extends Launched {
  /** Hands it a connection, which ends when it cannot be handed on. */
  hand(connection: HandedConnection, handle: SocketHandle): void;
}

/** A process to which connections are handed. */
export interface HandedTo {
  readonly id: string;
  /** The processes that it started, by their ids. */
  readonly children: ReadonlyMap<string, LaunchedHere>;
  /** Takes what is meant for itself. */
  readonly take: (connection: HandedConnection, handle: SocketHandle) => void;
}

/** Receives the connections that are handed to this process: its own, and those of processes that descend from it. */
export function receiveConnections({ id, children, take }: HandedTo): void {
  process.on('message', (message, handle: unknown) => {
    if (!isConnection(message) || !isSocketHandle(handle)) return;
    if (message.to === id) return take(message, handle);
    const child = children.get(childTowards(id, message.to));
    if (child === undefined) answerGone(handle);
    else child.hand(message, handle);
  });
}

/** Tells a dialler that the process it wants has ended. */
export function answerGone(handle: SocketHandle): void {
  const socket = socketOn(handle);
  socket.on('error', () => {});
  socket.end(Uint8Array.of(ANSWER.gone));
  socket.destroySoon();
}

/** The parent of this process sends nothing else of this kind. */
function isConnection(message: unknown): message is HandedConnection {
  return typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'connection';
}
