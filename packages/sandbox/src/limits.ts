import { SandboxOptionsError } from './errors.ts';

/** What a piece of Python may use. */
export interface Limits {
  /** Wall-clock time of one execution in ms. @default 5000 */
  readonly timeoutMs?: number;
  /** Memory of the interpreter in bytes, its own 30 MiB included; Python gets a MemoryError beyond it. @default 256 MiB */
  readonly memoryBytes?: number;
  /** Bytes of standard output, and of standard error, that are kept; what is beyond is left out. @default 64 KiB */
  readonly maxOutputBytes?: number;
}

const DEFAULTS: Required<Limits> = { timeoutMs: 5_000, memoryBytes: 256 * 2 ** 20, maxOutputBytes: 64 * 2 ** 10 };
const RANGES = {
  timeoutMs: [1, 2 ** 31 - 1],
  memoryBytes: [64 * 2 ** 20, 4 * 2 ** 30 - 2 ** 16],
  maxOutputBytes: [0, 2 ** 30],
} as const satisfies Record<keyof Limits, readonly [number, number]>;

/** The limits with their defaults. @throws {SandboxOptionsError} */
export function resolveLimits(limits: Limits): Required<Limits> {
  const resolved = {
    ...DEFAULTS,
    ...Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined)),
  };
  for (const name of Object.keys(DEFAULTS) as (keyof Limits)[]) checkLimit(name, resolved[name]);
  return resolved;
}

/** @throws {SandboxOptionsError} when the value of a limit cannot be obeyed. */
export function checkLimit(name: keyof Limits, value: number, most: number = RANGES[name][1]): void {
  const [least] = RANGES[name];
  if (!Number.isFinite(value) || value < least || value > most) {
    throw new SandboxOptionsError(name, value, `a number from ${least} to ${most}`);
  }
}
