import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

function heapBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What `make` returns, and how much memory it keeps. */
export function bytesOf<T>(make: () => T): { readonly value: T; readonly bytes: number } {
  const before = heapBytes();
  const value = make();
  return { value, bytes: heapBytes() - before };
}
