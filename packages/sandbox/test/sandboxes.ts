import { afterAll, beforeAll } from 'vitest';
import { PythonSandbox, type SandboxOptions } from '../src/index.ts';

/** A sandbox for the tests of one file. */
export function useSandbox(options: SandboxOptions): () => PythonSandbox {
  let sandbox: PythonSandbox;
  beforeAll(async () => {
    sandbox = await PythonSandbox.open(options);
  });
  afterAll(() => sandbox[Symbol.asyncDispose]());
  return () => sandbox;
}
