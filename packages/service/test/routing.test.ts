import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { consistentHash, leastLoaded, type Router } from '../src/index.ts';
import { Counter } from './fixtures/counter.ts';
import { fakeReplicas } from './fixtures/fake-replicas.ts';
import { settled } from './fixtures/manual-clock.ts';

const inline = { kind: 'inline' } as const;
const plain = { endpoint: 'plain', args: [] };
const outcomeOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe('where calls go', () => {
  test('a key always meets the same replica, which other calls do not wait for', async () => {
    await using service = await Counter.options({
      ...inline,
      numReplicas: 4,
      replicaMaxConcurrentRequests: 1,
    }).asService(0);
    const byKey = service.increment.with({ key: 'user-7' });
    for (let i = 1; i <= 6; i++) expect(await byKey.route(1)).toBe(i);
    const home = (await service.getValue.fanout()).indexOf(6);
    const blocking = service.wait.with({ key: 'user-7' }).route();
    const waiting = byKey.route(1);
    expect(service.metrics().replicas.map(({ queueDepth }) => queueDepth)).toEqual(
      [0, 1, 2, 3].map((index) => (index === home ? 1 : 0)),
    );
    for (let i = 0; i < 6; i++) expect(await service.increment.route(0)).toBe(0);
    await service.open.fanout();
    expect(await Promise.all([blocking, waiting])).toEqual([6, 7]);
  });

  test('when the replica of a key is lost, what waits for it goes to the next one, in order', async () => {
    const { set, started } = fakeReplicas({ numReplicas: 3, maxConcurrency: 1 });
    await set.start();
    const calls = ['blocks', 'a', 'b'].map((name) =>
      outcomeOf(set.route({ endpoint: 'plain', args: [name], key: 'k', router: consistentHash })),
    );
    const home = started.findIndex((one) => one.calls.length > 0);
    expect(set.dispatcher.queuedFor(set.replicas[home]!)).toBe(2);
    started[home]?.die();
    expect(await calls[0]).toMatchObject({ code: 'ERR_SERVICE_REPLICA_FAILED' });
    for (const name of ['a', 'b']) {
      await settled();
      const [call] = started.flatMap((one) => one.calls.splice(0));
      expect(call?.args).toEqual([name]);
      call?.answer.resolve(name);
    }
    expect(await Promise.all(calls.slice(1))).toEqual(['a', 'b']);
    await set.shutdown(0);
  });

  test('a router of one’s own sees the call and the replicas, and keeps a call for a busy replica if it wants', async () => {
    const seen: unknown[] = [];
    const byParity: Router = (replicas, { endpoint, args }) => {
      seen.push([endpoint, replicas.map(({ index, inFlight }) => [index, inFlight])]);
      return replicas[Number(args[0]) % 2];
    };
    const { set, started } = fakeReplicas({ numReplicas: 2, maxConcurrency: 1, router: byParity });
    await set.start();
    const calls = [0, 2, 1].map((n) => set.route({ endpoint: 'plain', args: [n] }));
    expect(started.map((one) => one.calls.map(({ args }) => args[0]))).toEqual([[0], [1]]);
    expect(seen).toEqual([
      [
        'plain',
        [
          [0, 0],
          [1, 0],
        ],
      ],
      [
        'plain',
        [
          [0, 1],
          [1, 0],
        ],
      ],
      [
        'plain',
        [
          [0, 1],
          [1, 0],
        ],
      ],
    ]);
    started[0]?.calls.splice(0)[0]?.answer.resolve('zero');
    await settled();
    started[0]?.calls.splice(0)[0]?.answer.resolve('two');
    started[1]?.calls.splice(0)[0]?.answer.resolve('one');
    expect(await Promise.all(calls)).toEqual(['zero', 'two', 'one']);
    await set.shutdown(0);
  });

  test('what a router throws is the answer of its call alone, and so is a replica that it made up', async () => {
    const broken: Router = (replicas, { args }) => {
      if (args[0] === 'throw') throw new RangeError('no idea');
      return args[0] === 'invent' ? { ...replicas[0]! } : undefined;
    };
    const { set, started } = fakeReplicas({ router: broken });
    await set.start();
    await expect(set.route({ ...plain, args: ['throw'] })).rejects.toThrow('no idea');
    await expect(set.route({ ...plain, args: ['invent'] })).rejects.toMatchObject({
      code: 'ERR_SERVICE_OPTIONS',
      option: 'router',
    });
    const call = set.route(plain);
    started[0]?.calls[0]?.answer.resolve('fine');
    expect(await call).toBe('fine');
    await set.shutdown(0);
  });

  test('least loaded prefers the replica where calls took less time, also when that one has more of them', async () => {
    const { set, clock, started } = fakeReplicas({ numReplicas: 2, maxConcurrency: 10, router: leastLoaded });
    await set.start();
    const first = [1, 2].map(() => set.route(plain));
    await clock.pass(10);
    started[0]?.calls.splice(0)[0]?.answer.resolve('fast');
    await clock.pass(90);
    started[1]?.calls.splice(0)[0]?.answer.resolve('slow');
    await Promise.all(first);
    const later = Array.from({ length: 6 }, () => set.route(plain));
    expect(started.map(({ calls }) => calls.length)).toEqual([6, 0]);
    for (const { answer } of started[0]?.calls.splice(0) ?? []) answer.resolve('fast');
    await Promise.all(later);
    // What is older than ten seconds does not count any more.
    await clock.pass(10_000);
    const fresh = [1, 2].map(() => set.route(plain));
    expect(started.map(({ calls }) => calls.length)).toEqual([1, 1]);
    for (const { calls } of started) for (const { answer } of calls) answer.resolve(0);
    await Promise.all(fresh);
    await set.shutdown(0);
  });
});

describe('what waits', () => {
  test('goes by priority, and by age within one', async () => {
    const { set, started } = fakeReplicas({ maxConcurrency: 1 });
    await set.start();
    const calls = [0, 0, 5, -1, 5, 0].map((priority, n) => set.route({ ...plain, args: [n], priority }));
    const order: unknown[] = [];
    for (const _ of calls) {
      const [call] = started[0]?.calls.splice(0) ?? [];
      order.push(call?.args[0]);
      call?.answer.resolve(0);
      await settled();
    }
    expect(order).toEqual([0, 2, 4, 1, 5, 3]);
    await set.shutdown(0);
  });

  test('whatever comes and is answered: limit, order and concurrency hold, and only what is too much is turned away', async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ priority: fc.integer({ min: 0, max: 2 }) }) },
      { weight: 2, arbitrary: fc.record({ answer: fc.nat(1) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80, size: 'max' }), async (steps) => {
        const { set, clock, started } = fakeReplicas({ numReplicas: 2, maxConcurrency: 2, maxQueued: 6 });
        await set.start();
        const begun = () => started.flatMap(({ calls }) => calls.map(({ args }) => Number(args[0])));
        let waiting: { readonly id: number; readonly priority: number }[] = [];
        const calls: Promise<unknown>[] = [];
        for (const one of steps) {
          if ('priority' in one) {
            const id = calls.length;
            const hasSlot = begun().length < 4;
            const isTooMuch = !hasSlot && waiting.length === 6;
            if (!hasSlot && !isTooMuch) waiting.push({ id, priority: one.priority });
            const call = set.route({ ...plain, args: [id], priority: one.priority });
            calls.push(isTooMuch ? expect(call).rejects.toMatchObject({ queued: 6, max: 6 }) : outcomeOf(call));
          } else {
            const [answered] = started[one.answer]?.calls.splice(0, 1) ?? [];
            if (!answered) continue;
            const [next] = waiting.toSorted((a, b) => b.priority - a.priority || a.id - b.id);
            waiting = waiting.filter((other) => other !== next);
            answered.answer.resolve(0);
            await settled();
            // The slot goes to the first of those that wait.
            if (next) expect(started[one.answer]?.calls.at(-1)?.args).toEqual([next.id]);
          }
          expect(set.dispatcher.queued).toBe(waiting.length);
          expect(Math.max(...set.replicas.map(({ inFlight }) => inFlight))).toBeLessThanOrEqual(2);
        }
        const stopped = set.shutdown(0);
        await clock.pass(0);
        await Promise.all([stopped, ...calls]);
      }),
      { numRuns: 60 },
    );
  });

  test('is turned away when it is too much, each with the time of the next place by the pace of late', async () => {
    const { set, clock, started } = fakeReplicas({ numReplicas: 2, maxConcurrency: 2, maxQueued: 1 });
    await set.start();
    const early = Array.from({ length: 5 }, () => outcomeOf(set.route(plain)));
    expect(await outcomeOf(set.route(plain))).toMatchObject({
      code: 'ERR_SERVICE_BACK_PRESSURE',
      queued: 1,
      max: 1,
      retryAfterMs: undefined,
    });
    await clock.pass(80);
    started[0]?.calls.splice(0, 1)[0]?.answer.resolve(0);
    await settled();
    const next = outcomeOf(set.route(plain));
    // A call takes 80 ms, four are served at a time: a place is free every 20 ms.
    const turnedAway = await Promise.all([1, 2, 3].map(() => outcomeOf(set.route(plain))));
    expect(turnedAway).toMatchObject([{ retryAfterMs: 20 }, { retryAfterMs: 40 }, { retryAfterMs: 60 }]);
    await clock.pass(30);
    expect(await outcomeOf(set.route(plain))).toMatchObject({ retryAfterMs: 50 });
    expect(set.dispatcher.rejected).toBe(5);
    const stopped = set.shutdown(0);
    await clock.pass(0);
    await Promise.all([stopped, ...early, next]);
  });

  test('gives up in groups during an outage, never early and hardly late', async () => {
    const { set, clock, started } = fakeReplicas({ restart: { firstDelayMs: 60_000 }, waitForHealthyMs: 1_000 });
    await set.start();
    started[0]?.die();
    const waits: Promise<number>[] = [];
    for (let ms = 0; ms < 100; ms++) {
      const calledAtMs = clock.now();
      waits.push(outcomeOf(set.route(plain)).then(() => clock.now() - calledAtMs));
      await clock.pass(1);
    }
    await clock.pass(2_000);
    for (const waitedMs of await Promise.all(waits)) {
      expect(waitedMs).toBeGreaterThanOrEqual(1_000);
      expect(waitedMs).toBeLessThanOrEqual(1_010);
    }
    await set.shutdown(0);
  });

  test('a fanout that waited out an outage has what is left of its deadline', async () => {
    const { set, clock, started } = fakeReplicas();
    await set.start();
    started[0]?.die();
    const fanned = set.fanout({ ...plain, timeoutMs: 500 });
    await clock.pass(200);
    expect(started[1]?.calls).toHaveLength(1);
    await clock.pass(299);
    expect(started[1]?.calls).toHaveLength(1);
    await clock.pass(1);
    expect(await fanned).toMatchObject([{ ok: false, error: { code: 'ERR_MONARCH_TIMEOUT' } }]);
    await set.shutdown(0);
  });
});

describe('options of a call', () => {
  test.each([
    [{ timeoutMs: 0 }, 'timeoutMs'],
    [{ timeoutMs: 2 ** 31 }, 'timeoutMs'],
    [{ timeoutMs: '5' }, 'timeoutMs'],
    [{ signal: {} }, 'signal'],
    [{ priority: Number.NaN }, 'priority'],
    [{ priority: Number.POSITIVE_INFINITY }, 'priority'],
    [{ idempotent: 'yes' }, 'idempotent'],
    [{ router: 'fastest' }, 'router'],
    [{ router: 'constructor' }, 'router'],
    [{ key: {} }, 'key'],
    [{ timeout: 5 }, 'timeout'],
    [{ key: 1, router: 'leastLoaded' }, 'key'],
  ])('%j is refused at once, and the endpoint stays as it is', async (options, option) => {
    await using service = await Counter.options(inline).asService(3);
    expect(() => Reflect.apply(service.getValue.with, service.getValue, [options])).toThrow(
      expect.objectContaining({ code: 'ERR_SERVICE_OPTIONS', option }),
    );
    expect(await service.getValue.route()).toBe(3);
  });

  test('later ones go over earlier ones, and contradict them if they do', async () => {
    await using service = await Counter.options(inline).asService(3);
    const keyed = service.getValue.with({ key: 1 }).with({ timeoutMs: 1_000 });
    expect(await keyed.with({ key: undefined as never, router: 'powerOfTwo' }).route()).toBe(3);
    expect(() => keyed.with({ router: 'roundRobin' })).toThrow(expect.objectContaining({ option: 'key' }));
  });

  test('a service that routes by key says that a call needs one', async () => {
    await using service = await Counter.options({ ...inline, router: 'consistentHash' }).asService(3);
    await expect(service.getValue.route()).rejects.toMatchObject({ code: 'ERR_SERVICE_OPTIONS', option: 'key' });
    expect(await service.getValue.with({ key: 5 }).route()).toBe(3);
    expect(await service.session(async () => await service.getValue.route())).toBe(3);
  });

  test.each([
    [{ idleMs: 0 }, 'idleMs'],
    [{ idleMs: Number.NaN }, 'idleMs'],
    [{ idleMs: 2 ** 31 }, 'idleMs'],
    [{ whenLost: 'forget' }, 'whenLost'],
  ])('a session with %j is refused', async (options, option) => {
    await using service = await Counter.options(inline).asService(3);
    await expect(Reflect.apply(service.session, service, [options])).rejects.toMatchObject({
      code: 'ERR_SERVICE_OPTIONS',
      option,
    });
    expect(service.state().sessions).toBe(0);
  });

  test('no session begins after shutdown', async () => {
    const service = await Counter.options(inline).asService(3);
    await service.shutdown();
    await expect(service.session()).rejects.toMatchObject({ code: 'ERR_SERVICE_STOPPED' });
    await expect(service.session(async () => 1)).rejects.toMatchObject({ code: 'ERR_SERVICE_STOPPED' });
  });

  test.each([
    [{ router: 'nearest' }, 'router'],
    [{ retry: { maxAttempts: 0 } }, 'retry.maxAttempts'],
    [{ retry: { budgetRatio: -1 } }, 'retry.budgetRatio'],
    [{ retry: { maxDelayMs: Number.POSITIVE_INFINITY } }, 'retry.maxDelayMs'],
  ])('a service with %j is refused before anything starts', (options, option) => {
    expect(() => Reflect.apply(Counter.options, Counter, [options])).toThrow(
      expect.objectContaining({ code: 'ERR_SERVICE_OPTIONS', option }),
    );
  });
});
