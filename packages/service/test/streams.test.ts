import { describe, expect, test } from 'vitest';
import { routedStream } from '../src/routing/stream.ts';
import { Counter } from './fixtures/counter.ts';
import { fakeReplicas } from './fixtures/fake-replicas.ts';
import { settled } from './fixtures/manual-clock.ts';

const inline = { kind: 'inline' } as const;

async function itemsOf<T>(stream: AsyncIterable<T>): Promise<readonly T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

describe('a stream', () => {
  test('gives the items of one replica, again with each iteration', async () => {
    await using service = await Counter.options({ ...inline, numReplicas: 2 }).asService(0);
    const counted = service.count.route(40);
    expect(await itemsOf(counted)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(await itemsOf(counted)).toHaveLength(40);
    expect(await itemsOf(service.count.route(0))).toEqual([]);
    expect(service.metrics().replicas.map(({ successfulRequests }) => successfulRequests)).toEqual([2, 1]);
  });

  test('of a replica of several processes has the items of rank 0 alone', async () => {
    await using service = await Counter.options({ ...inline, procs: 3 }).asService(0);
    expect(await itemsOf(service.count.route(100))).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  test('is in flight until its end, and whatever comes meanwhile waits', async () => {
    await using service = await Counter.options({ ...inline, replicaMaxConcurrentRequests: 1 }).asService(0);
    const stream = service.count.route(3)[Symbol.asyncIterator]();
    expect(service.state().replicas[0]?.activeRequests).toBe(0);
    expect(await stream.next()).toEqual({ done: false, value: 0 });
    const waiting = service.getValue.route();
    expect(service.state()).toMatchObject({ queued: 1, replicas: [{ activeRequests: 1 }] });
    expect([await stream.next(), await stream.next()].map(({ value }) => value)).toEqual([1, 2]);
    expect(service.state().queued).toBe(1);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(await waiting).toBe(0);
  });

  test('that is left early ends at the replica and frees its slot', async () => {
    await using service = await Counter.options({ ...inline, replicaMaxConcurrentRequests: 1 }).asService(0);
    for await (const item of service.forever.route()) if (item === 5) break;
    await service.left.route();
    expect(service.state().replicas[0]?.activeRequests).toBe(0);
  });

  test('that its endpoint ends by an error gives the items before it, then the error', async () => {
    await using service = await Counter.options(inline).asService(0);
    const seen: number[] = [];
    const reading = (async () => {
      for await (const item of service.countThenFail.route(3)) seen.push(item);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'ERR_MONARCH_ACTOR', cause: { name: 'RangeError' } });
    expect(seen).toEqual([0, 1, 2]);
    expect(service.state().replicas[0]).toMatchObject({ state: 'healthy', activeRequests: 0 });
  });

  test('waits in the queue like any call: deadline and signal end that wait', async () => {
    await using service = await Counter.options({ ...inline, replicaMaxConcurrentRequests: 1 }).asService(0);
    const blocking = service.wait.route();
    await expect(itemsOf(service.count.with({ timeoutMs: 5 }).route(1))).rejects.toMatchObject({
      code: 'ERR_MONARCH_TIMEOUT',
      timeoutMs: 5,
    });
    const cancel = new AbortController();
    const cancelled = itemsOf(service.count.with({ signal: cancel.signal }).route(1));
    cancel.abort(new RangeError('enough'));
    await expect(cancelled).rejects.toMatchObject({ code: 'ERR_MONARCH_ABORTED', cause: { message: 'enough' } });
    expect(service.state().queued).toBe(0);
    await service.open.fanout();
    await blocking;
  });

  test('a deadline is that of the whole stream', async () => {
    await using service = await Counter.options(inline).asService(0);
    await expect(itemsOf(service.forever.with({ timeoutMs: 20 }).route())).rejects.toMatchObject({
      code: 'ERR_MONARCH_TIMEOUT',
    });
    expect(service.state().replicas[0]?.activeRequests).toBe(0);
  });

  test('belongs to the session in which it was asked for, wherever it is read', async () => {
    await using service = await Counter.options({ ...inline, numReplicas: 3 }).asService(0);
    await using session = await service.session();
    await session.increment.route(1);
    expect(await itemsOf(session.count.route(2))).toEqual([0, 1]);
    const inScope = await service.session(async (own) => {
      await service.increment.route(1);
      return { stream: service.count.route(1), replica: own.replica };
    });
    await expect(itemsOf(inScope.stream)).rejects.toMatchObject({ code: 'ERR_SERVICE_SESSION_CLOSED' });
    expect(service.metrics().replicas[0]?.successfulRequests).toBe(2);
  });

  test('is refused after shutdown', async () => {
    const service = await Counter.options(inline).asService(0);
    const stream = service.count.route(1);
    await service.shutdown();
    await expect(itemsOf(stream)).rejects.toMatchObject({ code: 'ERR_SERVICE_STOPPED', started: false });
  });
});

describe('a stream whose replica is lost', () => {
  const opened = { options: { endpoint: 'stream' }, args: [], session: undefined };

  test('begins again elsewhere when nothing of it was delivered', async () => {
    const { set, clock, started } = fakeReplicas({ numReplicas: 2 });
    await set.start();
    const items = itemsOf(routedStream(set.dispatcher, opened));
    await settled();
    started[0]?.die();
    await clock.pass(0);
    started[1]?.calls.splice(0)[0]?.answer.resolve([1, 2]);
    expect(await items).toEqual([1, 2]);
    await set.shutdown(0);
  });

  test('ends when its caller has items, be it idempotent', async () => {
    const { set, started } = fakeReplicas({ numReplicas: 2 });
    await set.start();
    const reader = routedStream(set.dispatcher, opened)[Symbol.asyncIterator]();
    const first = reader.next();
    await settled();
    started[0]?.calls.splice(0)[0]?.answer.resolve([1, started[0]?.later()]);
    expect(await first).toEqual({ done: false, value: 1 });
    const second = reader.next();
    await settled();
    const failure = started[0]?.die();
    await expect(second).rejects.toMatchObject({
      code: 'ERR_SERVICE_REPLICA_FAILED',
      reason: 'streaming',
      cause: failure,
    });
    expect(set.replicas[0]?.inFlight).toBe(0);
    await set.shutdown(0);
  });
});
