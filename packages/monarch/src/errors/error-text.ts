import type { ProcessExit } from './mesh-failure.ts';

/** Where a value stands, such as `[0].weights.bias`. */
export function pathText(path: readonly (string | number)[]): string {
  return path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
}

/** One line that says what `reason` is. */
export function reasonText(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

/** How a process ended, in words. */
export function exitText({ pid, exitCode, signal }: ProcessExit): string {
  return `process ${pid} ${signal === null ? `exited with code ${exitCode}` : `was killed by ${signal}`}`;
}
