import { randomUUID } from 'node:crypto';
import type { ExecuteOptions, Execution } from './execution.ts';

/** Runs Python: {@link PythonSandbox.execute}, or `coder.execute.route` of a service. */
export type Execute = (code: string, options?: ExecuteOptions) => Promise<Execution>;

/** Settings of {@link codeReward}. */
export interface CodeRewardOptions {
  /** The score is the share of tests that pass, instead of 1 for all of them and else 0. @default false */
  readonly partialCredit?: boolean;
  /** Wall-clock time of one test in ms. @default that of the sandbox */
  readonly timeoutMs?: number;
}

const FENCE = /^```[ \t]*(?:python3?|py)?[ \t]*\r?\n(.*?)^```/gms;

/** The code of a completion: its last fenced block of Python, or all of it when it has none. */
export function codeOf(completion: string): string {
  return [...completion.matchAll(FENCE)].at(-1)?.[1] ?? completion;
}

/**
 * How many tests code passes. Each test is Python that raises when it fails, and runs after the code in an interpreter of its
 * own. It has passed when it ran to its end: code that leaves early has not.
 */
export async function countPassed(
  execute: Execute,
  code: string,
  tests: readonly string[],
  options: ExecuteOptions = {},
): Promise<number> {
  const passed = await Promise.all(
    tests.map(async (test) => {
      const sign = randomUUID();
      const { result } = await execute(`${code}\n${test}\n'${sign}'`, options);
      return result === `'${sign}'`;
    }),
  );
  return passed.filter(Boolean).length;
}

/**
 * Scores code by its tests. The target of a sample is a test, such as some lines of `assert`, or a JSON array of tests.
 *
 * ```ts
 * const reward = codeReward((code, options) => sandbox.execute(code, options));
 * await reward({ completion: '```python\ndef f(x):\n  return x + 1\n```', target: 'assert f(1) == 2' }); // 1
 * ```
 */
export function codeReward(
  execute: Execute,
  { partialCredit = false, timeoutMs }: CodeRewardOptions = {},
): (sample: { readonly completion: string; readonly target: string }) => Promise<number> {
  return async ({ completion, target }) => {
    const tests = testsOf(target);
    const passed = await countPassed(execute, codeOf(completion), tests, timeoutMs === undefined ? {} : { timeoutMs });
    return partialCredit ? passed / tests.length : Number(passed === tests.length);
  };
}

function testsOf(target: string): readonly string[] {
  try {
    const parsed: unknown = JSON.parse(target);
    if (Array.isArray(parsed) && parsed.length > 0 && parsed.every((each) => typeof each === 'string')) return parsed;
  } catch {
    // not JSON, so it is Python
  }
  return [target];
}
