import { isDeepStrictEqual } from 'node:util';
import { ConfigError, show } from './errors.ts';

/** Typed reads of the keys of one JSON object; `null` counts as absent, as in transformers. */
export interface Fields {
  readonly json: Readonly<Record<string, unknown>>;
  /** The failure to throw for a key: its value and what was expected instead. */
  refuse(key: string, expected: string): ConfigError;
  value(key: string): unknown;
  count(key: string, otherwise?: number): number;
  positive(key: string, otherwise?: number): number;
  flag(key: string, otherwise: boolean): boolean;
  object(key: string): Fields | undefined;
}

/**
 * Wraps a JSON object of `file`; keys in errors are prefixed with `path`.
 *
 * @throws {ConfigError} when `json` is not an object.
 */
export function fields(json: unknown, file: string, path = ''): Fields {
  if (!isRecord(json)) {
    throw new ConfigError({ file, key: path === '' ? 'the whole file' : path, value: json, expected: 'a JSON object' });
  }
  const value = (key: string): unknown => json[key] ?? undefined;
  const refuse = (key: string, expected: string): ConfigError =>
    new ConfigError({ file, key: path === '' ? key : `${path}.${key}`, value: json[key], expected });
  const number = (key: string, otherwise: number | undefined, rule: NumberRule): number => {
    const found = value(key) ?? otherwise;
    if (typeof found !== 'number' || !rule.accepts(found)) throw refuse(key, rule.name);
    return found;
  };
  return {
    json,
    refuse,
    value,
    count: (key, otherwise) => number(key, otherwise, COUNT),
    positive: (key, otherwise) => number(key, otherwise, POSITIVE),
    flag(key, otherwise) {
      const found = value(key) ?? otherwise;
      if (typeof found !== 'boolean') throw refuse(key, 'true or false');
      return found;
    },
    object(key) {
      const found = value(key);
      return found === undefined ? undefined : fields(found, file, path === '' ? key : `${path}.${key}`);
    },
  };
}

/** @throws {ConfigError} when the older of two keys for one thing says something else than the newer */
export function refuseContradiction(config: Fields, older: string, newer: string): void {
  const [was, is] = [config.value(older), config.value(newer)];
  if (was === undefined || is === undefined || isDeepStrictEqual(was, is)) return;
  throw config.refuse(older, `what ${newer} says (${show(is)}), or nothing`);
}

interface NumberRule {
  readonly name: string;
  accepts(value: number): boolean;
}

/** Far above any model, far below where products of two sizes stop being exact. */
const MAX_COUNT = 2 ** 26;

const COUNT: NumberRule = {
  name: `a whole number from 1 to ${MAX_COUNT}`,
  accepts: (value) => Number.isInteger(value) && value >= 1 && value <= MAX_COUNT,
};

const POSITIVE: NumberRule = {
  name: 'a positive number',
  accepts: (value) => Number.isFinite(value) && value > 0,
};

/** Whether `value` is a JSON object, neither an array nor `null`. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
