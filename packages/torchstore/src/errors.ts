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
    super(`'${key}' needs ${expected}, but got ${actual}. Give the dtype to cast to, or the right layout.`);
    this.key = key;
    this.expected = expected;
    this.actual = actual;
  }
}

/** A put names a version that is not newer than the visible one, or that another writer is writing. */
export class VersionConflictError extends Error {
  override readonly name = 'VersionConflictError';
  readonly code = 'ERR_TORCHSTORE_VERSION';
  readonly key: string;
  readonly version: number;
  /** Undefined when the version is not visible yet: another writer holds the same rank of its transaction. */
  readonly visibleVersion: number | undefined;

  constructor(
    key: string,
    { version, visibleVersion }: { readonly version: number; readonly visibleVersion: number | undefined },
  ) {
    super(
      visibleVersion === undefined
        ? `Version ${version} of '${key}' has another writer. Wait until that one commits or aborts, or put another version.`
        : `Version ${version} of '${key}' came too late: version ${visibleVersion} is visible. Put a newer version.`,
    );
    this.key = key;
    this.version = version;
    this.visibleVersion = visibleVersion;
  }
}

/** Two shards of one tensor overlap without being replicas of each other. */
export class OverlapError extends RangeError {
  override readonly name = 'OverlapError';
  readonly code = 'ERR_TORCHSTORE_OVERLAP';
  readonly key: string;
  readonly regions: readonly [Region, Region];

  constructor(key: string, regions: readonly [Region, Region]) {
    const [one, other] = regions.map(({ offset, size }) => `${list(offset)} of size ${list(size)}`);
    super(`Two shards of '${key}' overlap: at ${one}, and at ${other}. Cut them apart, or make them equal.`);
    this.key = key;
    this.regions = regions;
  }
}

/** A batch of keys is empty or names one twice. */
export class BatchError extends RangeError {
  override readonly name = 'BatchError';
  readonly code = 'ERR_TORCHSTORE_BATCH';
  readonly keys: readonly string[];

  constructor(keys: readonly string[]) {
    const twice = [...new Set(keys.filter((key, index) => keys.indexOf(key) !== index))];
    super(
      twice.length === 0 ? 'The batch is empty. Name at least one key.' : `The batch names ${twice.join(', ')} twice.`,
    );
    this.keys = keys;
  }
}

/** A value is neither a tensor nor plain data, or is too large for an object. */
export class ObjectError extends TypeError {
  override readonly name = 'ObjectError';
  readonly code = 'ERR_TORCHSTORE_OBJECT';
  readonly key: string;
  /** Where in the value it stands, such as `.layers[3]`; empty for the value itself. */
  readonly path: string;

  constructor(key: string, path: string, reason: string) {
    super(`The value of '${key}'${path === '' ? '' : ` at ${path}`} cannot be stored: ${reason}.`);
    this.key = key;
    this.path = path;
  }
}

/** A state dict in the store does not have the names that were asked for. */
export class NamesMismatchError extends Error {
  override readonly name = 'NamesMismatchError';
  readonly code = 'ERR_TORCHSTORE_NAMES';
  readonly key: string;
  /** Names that were asked for and are not in the store. */
  readonly missing: readonly string[];
  /** Names in the store that were not asked for. */
  readonly unexpected: readonly string[];

  constructor(key: string, names: { readonly missing: readonly string[]; readonly unexpected: readonly string[] }) {
    const said = (what: string, each: readonly string[]) =>
      each.length === 0 ? '' : ` ${what}: ${each.slice(0, 10).join(', ')}${each.length > 10 ? ', …' : ''}.`;
    super(
      `The state dict '${key}' does not match.${said('Missing', names.missing)}${said('Unexpected', names.unexpected)} ` +
        'With strict: false the lists are returned instead.',
    );
    this.key = key;
    this.missing = names.missing;
    this.unexpected = names.unexpected;
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

/** How a shape and dtype read in a message. */
export function describeTensor(dtype: string, shape: Shape): string {
  return `${dtype} ${list(shape)}`;
}
