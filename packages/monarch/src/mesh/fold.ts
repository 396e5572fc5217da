/** Combines items from left to right, in the order in which they come; `identity` when there are none. */
export async function fold<T, A>(
  items: AsyncIterable<T> | Iterable<T>,
  identity: A,
  combine: (sum: A, item: T) => A | Promise<A>,
): Promise<A> {
  let sum = identity;
  for await (const item of items) sum = await combine(sum, item);
  return sum;
}

/**
 * The items of several sources, in the order in which they come; ends when all have ended. One item of each source is
 * asked for ahead. The first error ends it, and it ends the sources that are left.
 */
export async function* merge<T>(sources: readonly AsyncIterable<T>[]): AsyncGenerator<T, void> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const next = async (i: number) => ({ i, result: await iterators[i]!.next() });
  const pending = new Map(iterators.map((_, i) => [i, next(i)]));
  try {
    while (pending.size > 0) {
      const { i, result } = await Promise.race(pending.values());
      pending.delete(i);
      if (result.done) continue;
      pending.set(i, next(i));
      yield result.value;
    }
  } finally {
    for (const promise of pending.values()) promise.catch(() => {});
    // Not awaited: a generator that waits for its next item returns only when it has come.
    for (const i of pending.keys()) void iterators[i]!.return?.()?.catch(() => {});
  }
}
