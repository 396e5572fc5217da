import type { Dispatcher } from './dispatcher.ts';
import { Plan, type PlanOptions } from './plan.ts';
import type { StickySession } from './session.ts';

/** What a stream is opened with. */
export interface StreamRequest {
  readonly options: PlanOptions;
  readonly args: readonly unknown[];
  readonly session: StickySession | undefined;
}

/**
 * The items of a stream endpoint of one replica. It is a call that lasts until its end: it waits for a slot when it is
 * iterated, holds it, and leaving the loop ends it at the replica, too. Until its first item it may be repeated as any
 * call; afterwards the loss of its replica is its end.
 */
export async function* routedStream(
  dispatcher: Dispatcher,
  { options, args, session }: StreamRequest,
): AsyncGenerator<unknown, undefined> {
  const opened = Promise.withResolvers<{ source: AsyncIterator<unknown>; first: IteratorResult<unknown> }>();
  const ended = Promise.withResolvers<void>();
  let hasItems = false;
  const plan = new Plan({
    ...options,
    isStreaming: () => hasItems,
    send: async (incarnation, _, callOptions) => {
      const source = incarnation.stream(options.endpoint, args, callOptions)[Symbol.asyncIterator]();
      const first = await source.next();
      hasItems = true;
      opened.resolve({ source, first });
      await ended.promise;
    },
  });
  const call = dispatcher.route(plan, args, session);
  // Settles before the stream has opened only by an error.
  const { source, first } = await Promise.race([opened.promise, call.then(() => opened.promise)]);
  try {
    for (let item = first; !item.done; item = await source.next()) yield item.value;
  } catch (error) {
    ended.reject(error);
  } finally {
    await source.return?.();
    ended.resolve();
    // Rejects with what the service says of the error.
    await call;
  }
  return undefined;
}
