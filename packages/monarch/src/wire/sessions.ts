import { HandshakeError, reasonText } from '../errors.ts';
import type { Clock } from '../time/clock.ts';
import type { Connection, ConnectionEvents, Network } from './connection.ts';
import { Dialler } from './dialler.ts';
import { type EndCode, packEnd, packWelcome, unpackHello } from './handshake.ts';
import type { Opening } from './link.ts';
import { Session, type SessionFaults } from './session.ts';

/** Time for the first frame of a connection, and for its answer. */
export const HANDSHAKE_MS = 30_000;

/** What makes the sessions of a process. */
export interface SessionsOptions {
  readonly id: string;
  readonly clock: Clock;
  /** A text that no other session has. */
  readonly nonce: () => string;
  /** Another process opens a link to this one. */
  readonly accept: (id: string) => Opening;
  readonly faults?: SessionFaults | undefined;
}

/** The sessions of one process with others: those that it opened, and those that it accepted. */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #accepted = new Map<string, Session>();
  #network: Network | undefined;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** The ways to others, from now on. */
  use(network: Network): void {
    this.#network = network;
  }

  /** Opens a session with a process, by the network in use. */
  dial(id: string, opening: Opening): void {
    if (this.#network === undefined) opening.onClose('the program has no processes.');
    else new Dialler(this.#options, this.#network, id, opening).dial();
  }

  /** Takes a connection that another process has opened: it begins a session, or resumes one. */
  readonly accept = (connection: Connection): ConnectionEvents => {
    let session: Session | undefined;
    const refuse = (code: EndCode, reason: string) => {
      connection.send([packEnd({ code, reason, after: 0 })]);
      connection.close();
    };
    const stopDeadline = this.#options.clock.after(HANDSHAKE_MS, () => refuse('hello', 'no hello came.'));
    const greet = (frame: Uint8Array) => {
      stopDeadline();
      try {
        session = this.#greeted(connection, frame);
      } catch (error) {
        refuse(error instanceof HandshakeError ? error.why : 'decode', reasonText(error));
      }
    };
    return {
      onFrame: (frame) => (session === undefined ? greet(frame) : session.frame(frame)),
      onDrain: () => session?.drained(),
      onEnd: (reason, cause) => {
        stopDeadline();
        session?.cut(connection, reason, cause);
      },
    };
  };

  /** The session that a hello names. @throws {HandshakeError | DecodeError} */
  #greeted(connection: Connection, frame: Uint8Array): Session {
    const { id, clock, accept, faults } = this.#options;
    const hello = unpackHello(frame);
    if (hello.to !== id) throw new HandshakeError('target', `process ${hello.to} was called, and this is ${id}.`);
    const key = `${hello.from} ${hello.session}`;
    let session = this.#accepted.get(key);
    if (session === undefined) {
      if (hello.resumes) throw new HandshakeError('session', `process ${id} does not know this session any more.`);
      const opening = accept(hello.from);
      const onClose = (reason: string, cause?: Error) => {
        this.#accepted.delete(key);
        stopWatch?.();
        opening.onClose(reason, cause);
      };
      const resumeMs = this.#network?.resumeMs(hello.from) ?? 0;
      session = new Session({ clock, resumeMs, events: { ...opening, onClose }, faults });
      this.#accepted.set(key, session);
      const accepted = session;
      const stopWatch = this.#network?.watch?.(hello.from, (reason) => accepted.lose(reason));
      connection.send([packWelcome(0)]);
      session.attach(connection, 0);
      opening.onOpen(session);
      return session;
    }
    connection.send([packWelcome(session.received)]);
    session.attach(connection, hello.received);
    return session;
  }
}
