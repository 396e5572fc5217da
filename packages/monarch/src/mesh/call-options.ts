import { OptionError } from '../errors.ts';
import type { CallOptions } from './handle.ts';

type Check = (value: unknown) => string | undefined;

const POLICIES = ['leastPending', 'roundRobin', 'random'];
const KEYS = ['string', 'number', 'bigint'];

/** What each option must be; the answer is what is wrong with it. */
const CHECKS: Readonly<Record<keyof CallOptions, Check>> = {
  timeoutMs: (value) => (typeof value === 'number' && value > 0 ? undefined : 'It must be positive.'),
  signal: (value) => (value instanceof AbortSignal ? undefined : 'It must be an AbortSignal.'),
  transfer: (value) =>
    Array.isArray(value) && value.every((buffer) => buffer instanceof ArrayBuffer)
      ? undefined
      : 'It must be a list of ArrayBuffers; for a typed array give its `buffer`.',
  choose: (value) => {
    if (POLICIES.includes(String(value))) return undefined;
    const key: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'key') : undefined;
    return KEYS.includes(typeof key) ? undefined : `It must be one of ${POLICIES.join(', ')}, or { key }.`;
  },
};

/** Options of a call over those it had. @throws {OptionError} on an option that does not exist, or cannot be so. */
export function withOptions(before: CallOptions, options: CallOptions): CallOptions {
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof CallOptions] : undefined;
    if (check === undefined) {
      throw new OptionError(name, `A call has no option '${name}'. It has ${Object.keys(CHECKS).join(', ')}.`);
    }
    const problem = value === undefined ? undefined : check(value);
    if (problem !== undefined) throw new OptionError(name, `${name} is ${String(value)}. ${problem}`);
  }
  return { ...before, ...options };
}
