/** A put would exceed the quota of the store, also without the older generations that nobody reads; no byte has moved. */
export class QuotaError extends Error {
  override readonly name = 'QuotaError';
  readonly code = 'ERR_TORCHSTORE_QUOTA';
  readonly limit: number;
  readonly used: number;
  readonly wanted: number;

  constructor({ limit, used, wanted }: { readonly limit: number; readonly used: number; readonly wanted: number }) {
    super(
      `The store may hold ${limit} bytes; ${used} are in use and ${wanted} more were wanted. ` +
        'Delete keys, end leases, or open the store with a larger quotaBytes.',
    );
    this.limit = limit;
    this.used = used;
    this.wanted = wanted;
  }
}

/** The memory of a volume is full; what had been written of the put is removed. */
export class VolumeFullError extends Error {
  override readonly name = 'VolumeFullError';
  readonly code = 'ERR_TORCHSTORE_FULL';
  readonly volume: string;

  constructor(volume: string, options?: ErrorOptions) {
    super(`The memory of volume ${volume} is full. Delete old versions, or give its folder more space.`, options);
    this.volume = volume;
  }
}

/** A generation or version is not kept any more, or was never there. */
export class GenerationGoneError extends Error {
  override readonly name = 'GenerationGoneError';
  readonly code = 'ERR_TORCHSTORE_GENERATION_GONE';
  readonly key: string;
  /** What can be read, oldest first. */
  readonly kept: readonly { readonly generation: number; readonly version: number | undefined }[];

  constructor(
    key: string,
    wanted: string,
    kept: readonly { readonly generation: number; readonly version: number | undefined }[],
  ) {
    const text = kept.map(
      ({ generation, version }) => `${generation}${version === undefined ? '' : ` (version ${version})`}`,
    );
    super(
      `'${key}' has no ${wanted} any more; generations ${text.join(', ')} are kept. ` +
        'A retention rule keeps more of them, a lease keeps one.',
    );
    this.key = key;
    this.kept = kept;
  }
}

/** A lease was released, or its holder was cut off for too long. */
export class LeaseEndedError extends Error {
  override readonly name = 'LeaseEndedError';
  readonly code = 'ERR_TORCHSTORE_LEASE_ENDED';
  readonly key: string;

  constructor(key: string) {
    super(`The lease of '${key}' has ended: it was released, or its connection was lost for too long. Take a new one.`);
    this.key = key;
  }
}

/** A transaction ended before this rank committed; nothing of it is or becomes visible. */
export class TransactionAbortedError extends Error {
  override readonly name = 'TransactionAbortedError';
  readonly code = 'ERR_TORCHSTORE_ABORTED';
  readonly key: string;
  readonly reason: string;

  constructor(key: string, reason: string, options?: ErrorOptions) {
    super(`The transaction of '${key}' was aborted: ${reason}. Begin it again on every rank.`, options);
    this.key = key;
    this.reason = reason;
  }
}

/** The store did not answer in time. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
  readonly code = 'ERR_TORCHSTORE_DEADLINE';
  readonly timeoutMs: number;

  constructor(what: string, timeoutMs: number, options?: ErrorOptions) {
    super(`${what} took longer than ${timeoutMs} ms.`, options);
    this.timeoutMs = timeoutMs;
  }
}

/** Bytes from a socket break the protocol or a limit; nothing was allocated or written for them. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
  readonly code = 'ERR_TORCHSTORE_FRAME';
}

/** The bytes of a piece are not those that were put: they were damaged where they lie, or put together wrongly. */
export class ChecksumError extends Error {
  override readonly name = 'ChecksumError';
  readonly code = 'ERR_TORCHSTORE_CHECKSUM';
  readonly key: string;
  readonly volume: string;
  /** CRC-32 of what was put. */
  readonly expected: number;
  /** CRC-32 of what was read. */
  readonly actual: number;

  constructor(
    key: string,
    { volume, expected, actual }: { readonly volume: string; readonly expected: number; readonly actual: number },
  ) {
    super(
      `A piece of '${key}' on volume ${volume} has the checksum ${actual.toString(16)}, and was put with ` +
        `${expected.toString(16)}: it is damaged. Read another generation, or put it again.`,
    );
    this.key = key;
    this.volume = volume;
    this.expected = expected;
    this.actual = actual;
  }
}

/** A volume cannot be reached, refused a transfer or went away during it. */
export class VolumeUnavailableError extends Error {
  override readonly name = 'VolumeUnavailableError';
  readonly code = 'ERR_TORCHSTORE_VOLUME';
  readonly volume: string;

  constructor(volume: string, reason: string, options?: ErrorOptions) {
    super(`Volume ${volume} is not available: ${reason}.`, options);
    this.volume = volume;
  }
}

/** The store was closed, or the process that serves it has ended. */
export class StoreClosedError extends Error {
  override readonly name = 'StoreClosedError';
  readonly code = 'ERR_TORCHSTORE_CLOSED';

  constructor(options?: ErrorOptions) {
    super('The store is closed. Open a new one, or attach to one that is still open.', options);
  }
}
