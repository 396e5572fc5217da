import { OnnxRuntimeError } from '../errors.ts';

/**
 * Calls that are handed to other threads at once; libuv works on 4 of them unless UV_THREADPOOL_SIZE says more. koffi
 * takes 256, and holds a stack for each.
 */
const maxCalls = 32;

/** Runs native calls on other threads, in turn when there are many. */
export class OffThread {
  // What is in use by native code must not be collected: it is referred to from here.
  readonly #inUse = new Set<readonly unknown[]>();
  readonly #waiting: (() => void)[] = [];

  /**
   * Waits for one call; what it `uses` stays alive until it returns.
   * @throws {OnnxRuntimeError} when the call cannot be made.
   */
  run<Result>(
    operation: string,
    uses: readonly unknown[],
    call: (done: (error: Error | null, result: Result) => void) => void,
  ): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const finish = (): void => {
        this.#inUse.delete(uses);
        this.#waiting.shift()?.();
      };
      const fail = (error: unknown): void => {
        const message = error instanceof Error ? error.message : String(error);
        reject(new OnnxRuntimeError(operation, message, { cause: error }));
      };
      const start = (): void => {
        this.#inUse.add(uses);
        try {
          call((error, result) => {
            finish();
            if (error) fail(error);
            else resolve(result);
          });
        } catch (error) {
          finish();
          fail(error);
        }
      };
      if (this.#inUse.size < maxCalls) start();
      else this.#waiting.push(start);
    });
  }
}
