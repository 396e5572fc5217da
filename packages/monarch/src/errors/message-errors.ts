/** An argument or result that cannot cross to another process. Nothing was sent. */
export class UnsendableError extends TypeError {
  override readonly name = 'UnsendableError';
  readonly code = 'ERR_MONARCH_UNSENDABLE';
  /** Where it stands, such as `[0].weights.bias`. */
  readonly path: string;

  constructor(path: string, problem: string) {
    super(`The value at ${path} cannot be sent: ${problem}`);
    this.path = path;
  }
}

/** An argument or result that is larger than one message may be. Nothing was sent. */
export class OversizeError extends RangeError {
  override readonly name = 'OversizeError';
  readonly code = 'ERR_MONARCH_OVERSIZE';
  /** Where it stands, such as `[0].weights`. */
  readonly path: string;
  readonly bytes: number;
  readonly maxBytes: number;

  constructor(path: string, bytes: number, maxBytes: number) {
    super(`The value at ${path} has ${bytes} bytes, more than the ${maxBytes} of one message. Send it in parts.`);
    this.path = path;
    this.bytes = bytes;
    this.maxBytes = maxBytes;
  }
}

/** Bytes that are no message of this protocol, or exceed a named limit of it. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  readonly code = 'ERR_MONARCH_DECODE';

  constructor(problem: string, options?: ErrorOptions) {
    super(`A message cannot be decoded: ${problem}`, options);
  }
}

/** Two processes could not agree to talk: they speak different versions, or one is not whom the other called. */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
  readonly code = 'ERR_MONARCH_HANDSHAKE';
  /** `refused`: by something in between, before the other process was asked. */
  readonly why: 'closed' | 'version' | 'hello' | 'target' | 'session' | 'decode' | 'refused';

  constructor(why: HandshakeError['why'], problem: string) {
    super(`No session came about: ${problem}`);
    this.why = why;
  }
}
