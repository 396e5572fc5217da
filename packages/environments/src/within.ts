/**
 * What a function returns, if it does so in time; its signal aborts when it does not.
 *
 * @throws {DOMException} named TimeoutError.
 */
export async function within<T>(timeoutMs: number, run: (signal: AbortSignal) => T | Promise<T>): Promise<T> {
  const late = new AbortController();
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = new DOMException(`No answer within ${timeoutMs} ms.`, 'TimeoutError');
    late.abort(error);
    timeout.reject(error);
  }, timeoutMs);
  try {
    // Within a promise, so that what is thrown at once rejects, too.
    return await Promise.race([Promise.resolve().then(() => run(late.signal)), timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
