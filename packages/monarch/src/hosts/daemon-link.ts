import { WebSocket } from 'ws';
import type { Clock } from '../time/clock.ts';
import { clientTls } from './credentials.ts';
import { problemText } from './problem-text.ts';
import { GONE, GONE_CODE } from './protocol.ts';
import type { Route } from './route.ts';
import { listenForSilence } from './silence.ts';

/** Pause before a connection that ended is opened again. */
const PAUSE_MS = 50;
/** What a daemon says is short. */
const MAX_MESSAGE_BYTES = 65_536;

/** What makes a link. */
export interface DaemonLinkOptions {
  readonly clock: Clock;
  readonly route: Route;
  readonly path: string;
  /** Said first on each connection. */
  readonly greeting?: () => string;
  readonly onText?: (text: string) => void;
  /** Once: the machine was silent for too long, or said that it has nothing left of the program. */
  readonly onLost: (reason: string) => void;
  /** A first connection that cannot be opened is the end. @default false: it is tried until the machine was silent for too long */
  readonly failsAtOnce?: boolean;
}

/** A link to a daemon. */
export interface DaemonLink {
  send(text: string): void;
  /** Ends it, silently, after what was sent. */
  close(): void;
  /** It was closed, and the daemon knows. */
  readonly closed: Promise<void>;
}

/**
 * A small connection to the daemon of a machine that tells whether the machine can be reached. The daemon answers its
 * pings, not a process that may be busy. A connection that ends or falls silent is opened anew, until the machine was
 * silent for `partitionTimeoutMs`.
 */
export function openDaemonLink(options: DaemonLinkOptions): DaemonLink {
  const { clock, route, path, greeting, onText, onLost, failsAtOnce = false } = options;
  const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
  const url = `${route.credentials.kind === 'none' ? 'ws' : 'wss'}://${route.address}${path}`;
  const limitMs = route.partitionTimeoutMs;
  let current: WebSocket | undefined;
  let opening: WebSocket | undefined;
  let wasOpen = false;
  let isSilent = false;
  let hasEnded = false;
  let stopPause = () => {};
  let problem = 'it does not answer.';

  const end = () => {
    hasEnded = true;
    silence.stop();
    stopPause();
  };
  const lose = (reason: string) => {
    if (hasEnded) return;
    end();
    current?.terminate();
    opening?.terminate();
    onClosed();
    onLost(reason);
  };
  const silence = listenForSilence(clock, limitMs, {
    onSilent: () => lose(wasOpen ? `the machine ${route.address} was silent for ${limitMs} ms.` : problem),
    onCheck: () => {
      // After a cut, TCP waits ever longer before it tries again; a new connection does not.
      if (isSilent && wasOpen) dial();
      isSilent = true;
      current?.ping();
    },
  });
  const heard = () => {
    isSilent = false;
    silence.heard();
  };

  const dial = () => {
    opening?.terminate();
    const socket = new WebSocket(url, {
      ...clientTls(route.credentials),
      handshakeTimeout: limitMs,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
    });
    opening = socket;
    socket.on('error', (error) => {
      problem = problemText(error, route.credentials);
    });
    socket.once('unexpected-response', (_, response) => {
      problem = `it answered with status ${response.statusCode}.`;
      response.destroy();
      if (response.statusCode === GONE) lose('its processes there have ended.');
      else socket.terminate();
    });
    socket.once('open', () => {
      if (hasEnded) return socket.terminate();
      opening = undefined;
      current?.terminate();
      current = socket;
      wasOpen = true;
      heard();
      if (greeting !== undefined) socket.send(greeting());
    });
    socket.on('pong', heard);
    socket.on('message', (data) => {
      if (socket !== current) return;
      heard();
      onText?.(String(data));
    });
    socket.once('close', (code, reason) => {
      if (socket === opening) opening = undefined;
      else if (socket === current) current = undefined;
      else return;
      if (hasEnded) onClosed();
      else if (code === GONE_CODE) lose(String(reason));
      else if (failsAtOnce && !wasOpen) lose(problem);
      else if (opening === undefined && current === undefined) stopPause = clock.after(PAUSE_MS, dial);
    });
  };
  dial();
  return {
    send: (text) => current?.send(text),
    close: () => {
      if (hasEnded) return;
      end();
      opening?.terminate();
      if (current === undefined) onClosed();
      else current.close();
    },
    closed,
  };
}
