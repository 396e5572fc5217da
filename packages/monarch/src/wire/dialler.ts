import { reasonText } from '../errors.ts';
import type { Connection, Network } from './connection.ts';
import { packHello, unpackWelcome } from './handshake.ts';
import type { Opening } from './link.ts';
import { Session } from './session.ts';
import { HANDSHAKE_MS, type SessionsOptions } from './sessions.ts';

/** Pauses between attempts to connect: the first attempt is made at once. */
const FIRST_PAUSE_MS = 10;
const MAX_PAUSE_MS = 500;

/** The session that this process opens with another, and its attempts to connect. */
export class Dialler {
  readonly #options: SessionsOptions;
  readonly #network: Network;
  readonly #id: string;
  readonly #opening: Opening;
  readonly #session: Session;
  readonly #nonce: string;
  #isOpen = false;
  #pauseMs = 0;
  #stopPause: (() => void) | undefined;
  readonly #stopWatch: (() => void) | undefined;

  constructor(options: SessionsOptions, network: Network, id: string, opening: Opening) {
    this.#options = options;
    this.#network = network;
    this.#id = id;
    this.#opening = opening;
    this.#nonce = options.nonce();
    const onClose = (reason: string, cause?: Error) => {
      this.#stopPause?.();
      this.#stopWatch?.();
      opening.onClose(reason, cause);
    };
    this.#session = new Session({
      clock: options.clock,
      resumeMs: network.resumeMs(id),
      events: { ...opening, onClose },
      onCut: () => this.dial(),
      faults: options.faults,
    });
    this.#stopWatch = network.watch?.(id, (reason) => this.#session.lose(reason));
  }

  /** Opens a connection for the session. */
  dial(): void {
    const session = this.#session;
    if (session.hasEnded) return;
    let connection: Connection | undefined;
    let isWelcome = false;
    let stopDeadline = () => {};
    const greet = (frame: Uint8Array) => {
      stopDeadline();
      // A frame needs a connection.
      if (connection === undefined) return;
      try {
        const received = unpackWelcome(frame);
        isWelcome = true;
        this.#welcomed(connection, received);
      } catch (error) {
        connection.close();
        session.lose(reasonText(error), error instanceof Error ? error : undefined);
      }
    };
    this.#network.dial(this.#id, {
      onOpen: (opened) => {
        connection = opened;
        stopDeadline = this.#options.clock.after(HANDSHAKE_MS, () => opened.close());
        opened.send([this.#hello()]);
      },
      onFrame: (frame) => (isWelcome ? session.frame(frame) : greet(frame)),
      onDrain: () => session.drained(),
      onEnd: (reason, cause) => {
        stopDeadline();
        if (isWelcome && connection !== undefined) session.cut(connection, reason, cause);
        else this.#failed(reason, cause);
      },
      onRefused: ({ gone, reason, cause }) => (gone ? session.lose(reason, cause) : this.#failed(reason, cause)),
    });
  }

  #hello(): Uint8Array {
    const { received } = this.#session;
    const { id } = this.#options;
    return packHello({ from: id, to: this.#id, session: this.#nonce, received, resumes: this.#isOpen });
  }

  #welcomed(connection: Connection, received: number): void {
    this.#pauseMs = 0;
    this.#session.attach(connection, received);
    if (this.#isOpen || this.#session.hasEnded) return;
    this.#isOpen = true;
    this.#opening.onOpen(this.#session);
  }

  #failed(reason: string, cause?: Error): void {
    if (!this.#session.awaitConnection(reason, cause)) return;
    this.#stopPause = this.#options.clock.after(this.#pauseMs, () => this.dial());
    this.#pauseMs = Math.min(Math.max(this.#pauseMs * 2, FIRST_PAUSE_MS), MAX_PAUSE_MS);
  }
}
