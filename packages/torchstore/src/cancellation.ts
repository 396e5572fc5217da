import { DeadlineError } from './failures.ts';

/** How an operation may be ended before it is done. It leaves nothing half done: no bytes, no pins, nothing half visible. */
export interface OperationOptions {
  /** Ends the operation, which rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Ends the whole operation with a {@link DeadlineError}. @default none beyond the deadlines of the store */
  readonly timeoutMs?: number | undefined;
}

/** Timers take no longer delays; nobody waits so long. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * Runs an operation with one signal for both ways in which it may be ended; without either there is none.
 * @throws RangeError when the time is no positive number.
 */
export async function cancellable<T>(
  what: string,
  { signal, timeoutMs = Number.POSITIVE_INFINITY }: OperationOptions,
  operation: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  if (!(timeoutMs > 0)) throw new RangeError(`${what} cannot take ${timeoutMs} ms. Give a positive number.`);
  signal?.throwIfAborted();
  if (timeoutMs > maxTimerMs) return operation(signal);
  const either = new AbortController();
  const timer = setTimeout(() => either.abort(new DeadlineError(what, timeoutMs)), timeoutMs);
  const follow = () => either.abort(signal?.reason);
  signal?.addEventListener('abort', follow);
  try {
    return await operation(either.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', follow);
  }
}

/** What a promise brings, or the reason of a signal that comes first; what comes after that is handed to `undo`. */
export function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  undo: (late: T) => void = () => {},
): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const abort = () => {
      promise.then(undo, () => {}); // it has failed by itself: nothing is to be undone
      reject(signal.reason);
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    const done = () => signal.removeEventListener('abort', abort);
    promise.then(
      (value) => {
        done();
        resolve(value);
      },
      (error: unknown) => {
        done();
        reject(error);
      },
    );
  });
}
