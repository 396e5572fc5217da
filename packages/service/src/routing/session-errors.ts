/** A request on a session that has ended. */
export class SessionClosedError extends Error {
  override readonly name = 'SessionClosedError';
  readonly code = 'ERR_SERVICE_SESSION_CLOSED';
  readonly session: string;

  constructor(service: string, session: string) {
    super(`Session ${session} of ${service} has ended. Start another with ${service}.session().`);
    this.session = session;
  }
}

/** A request on a session that nobody used for too long. What its replica knows of it may still be there. */
export class SessionExpiredError extends Error {
  override readonly name = 'SessionExpiredError';
  readonly code = 'ERR_SERVICE_SESSION_EXPIRED';
  readonly session: string;
  readonly idleMs: number;

  constructor(service: string, session: string, idleMs: number) {
    super(
      `Session ${session} of ${service} had no call for ${idleMs} ms and ended. ` +
        `Start another with ${service}.session(), with a longer idleMs if calls may be that far apart.`,
    );
    this.session = session;
    this.idleMs = idleMs;
  }
}

/** The replica of a session was lost, and with it what its actors knew of the session. The request was not sent again. */
export class SessionLostError extends Error {
  override readonly name = 'SessionLostError';
  readonly code = 'ERR_SERVICE_SESSION_LOST';
  readonly session: string;
  readonly replica: number;

  constructor(service: string, session: string, replica: number, cause: unknown) {
    super(
      `Session ${session} of ${service} lost its replica ${replica}, which kept its state. ` +
        `Start another with ${service}.session(), or use whenLost: 'move' where fresh actors will do.`,
      { cause },
    );
    this.session = session;
    this.replica = replica;
  }
}
