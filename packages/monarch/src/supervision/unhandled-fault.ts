import type { MeshFailure } from '../errors.ts';
import { program } from '../program/current-program.ts';

/** Told of a failure that no owner handled. */
export type FaultListener = (failure: MeshFailure) => void | Promise<void>;

/**
 * Decides what becomes of failures that nobody handled, in place of the end of the program. Called once for each.
 * Returning drops the failure and the program goes on; throwing ends it with exit code 1, after a report of both.
 * Disposing it gives the decision back to the one before.
 */
export function onUnhandledFault(listener: FaultListener): Disposable {
  const root = program();
  const before = root.onFault;
  root.onFault = listener;
  return {
    [Symbol.dispose]: () => {
      if (root.onFault === listener) root.onFault = before;
    },
  };
}
