import type { Region, Shape } from '@forge/tensor';

const list = (values: readonly unknown[]) => `[${values.join(', ')}]`;

/** No visible tensor has this key. */
export class KeyNotFoundError extends Error {
  override readonly name = 'KeyNotFoundError';
  readonly code = 'ERR_TORCHSTORE_KEY_NOT_FOUND';
  readonly key: string;
  /** Existing keys that are spelled most alike; at most three. */
  readonly nearest: readonly string[];

  constructor(key: string, nearest: readonly string[]) {
    const hint = nearest.length > 0 ? `The nearest existing keys are ${nearest.join(', ')}.` : 'No key is like it.';
    super(`The store has no key '${key}'. ${hint} Use waitFor('${key}') if it is still to come.`);
    this.key = key;
    this.nearest = nearest;
  }
}

/** A key was put for the first time and some of its shards have not arrived yet. */
export class IncompleteError extends Error {
  override readonly name = 'IncompleteError';
  readonly code = 'ERR_TORCHSTORE_INCOMPLETE';
  readonly key: string;
  /** Ranks whose shard is missing; empty when the shards came as regions without ranks. */
  readonly missingRanks: readonly number[];

  constructor(key: string, missingRanks: readonly number[]) {
    const who = missingRanks.length > 0 ? `Ranks ${missingRanks.join(', ')} have` : 'Some region has';
    super(`'${key}' is not complete. ${who} not been put yet; waitFor('${key}') resolves when they are.`);
    this.key = key;
    this.missingRanks = missingRanks;
  }
}

/** All shards of a put arrived, but together they do not cover the tensor; none of them became visible. */
export class CoverageError extends Error {
  override readonly name = 'CoverageError';
  readonly code = 'ERR_TORCHSTORE_COVERAGE';
  readonly key: string;
  /** A part of the tensor that no shard holds. */
  readonly uncovered: Region;

  constructor(key: string, uncovered: Region) {
    super(
      `The shards of '${key}' leave the region at ${list(uncovered.offset)} of size ${list(uncovered.size)} uncovered. ` +
        'Put every shard of one layout, from all of its ranks.',
    );
    this.key = key;
    this.uncovered = uncovered;
  }
}

/** A layout does not describe contiguous pieces of the tensor on its mesh. */
export class LayoutError extends RangeError {
  override readonly name = 'LayoutError';
  readonly code = 'ERR_TORCHSTORE_LAYOUT';
}

/** A tensor has another dtype or shape than the stored one, its layout or its place in a batch asks for. */
export class MismatchError extends Error {
  override readonly name = 'MismatchError';
  readonly code = 'ERR_TORCHSTORE_MISMATCH';
  readonly key: string;
  readonly expected: string;
  readonly actual: string;

  constructor(key: string, { expected, actual }: { readonly expected: string; readonly actual: string }) {
    super(`'${key}' needs a tensor of ${expected}, but got one of ${actual}. Use cast() or give the right layout.`);
    this.key = key;
    this.expected = expected;
    this.actual = actual;
  }
}

/** A put names a version that is not newer than the visible one. */
export class VersionConflictError extends Error {
  override readonly name = 'VersionConflictError';
  readonly code = 'ERR_TORCHSTORE_VERSION';
  readonly key: string;
  readonly version: number;
  readonly visibleVersion: number;

  constructor(key: string, { version, visibleVersion }: { readonly version: number; readonly visibleVersion: number }) {
    super(`Version ${version} of '${key}' came too late: version ${visibleVersion} is visible. Put a newer version.`);
    this.key = key;
    this.version = version;
    this.visibleVersion = visibleVersion;
  }
}

/** A nested state dict has no unambiguous flat form. */
export class StateDictError extends TypeError {
  override readonly name = 'StateDictError';
  readonly code = 'ERR_TORCHSTORE_STATE_DICT';
  readonly key: string;

  constructor(key: string, reason: string) {
    super(`The state dict cannot be stored at '${key}': ${reason}.`);
    this.key = key;
  }
}

/** Bytes from a socket break the protocol or a limit; nothing was allocated or written for them. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
  readonly code = 'ERR_TORCHSTORE_FRAME';
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

/** How a shape and dtype read in a message. */
export function describeTensor(dtype: string, shape: Shape): string {
  return `${dtype} ${list(shape)}`;
}
