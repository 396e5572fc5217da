/** A dimension, coordinate or number of actors that does not fit the mesh it was used on. */
export class ExtentError extends RangeError {
  override readonly name = 'ExtentError';
  readonly code = 'ERR_MONARCH_EXTENT';
}

/** A class that cannot be spawned: no `module`, not exported under its own name, or with an endpoint that hides a builtin. */
export class ActorClassError extends TypeError {
  override readonly name = 'ActorClassError';
  readonly code = 'ERR_MONARCH_CLASS';
  readonly className: string;

  constructor(className: string, problem: string, options?: ErrorOptions) {
    super(`Actor class ${className} cannot be spawned: ${problem}`, options);
    this.className = className;
  }
}

/** An option that does not exist, or has a value that it cannot have. */
export class OptionError extends RangeError {
  override readonly name = 'OptionError';
  readonly code = 'ERR_MONARCH_OPTION';
  readonly option: string;

  constructor(option: string, problem: string, options?: ErrorOptions) {
    super(problem, options);
    this.option = option;
  }
}

/** Something that only the owner may do was tried by somebody else, or by an owner that has stopped. */
export class OwnershipError extends Error {
  override readonly name = 'OwnershipError';
  readonly code = 'ERR_MONARCH_OWNERSHIP';
}

/** The admin endpoint was not opened: its address is taken, or open to other machines without a token. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
  readonly code = 'ERR_MONARCH_ADMIN';
  readonly host: string;
  readonly port: number;

  constructor(host: string, port: number, problem: string, options?: ErrorOptions) {
    super(`The admin endpoint cannot be opened at ${host}:${port}: ${problem}`, options);
    this.host = host;
    this.port = port;
  }
}
