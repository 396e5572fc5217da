import { thisHost } from '@forge/monarch';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ForgeActor } from '../src/index.ts';
import { Counter, Metered } from './fixtures/counter.ts';

const inline = { kind: 'inline' } as const;

describe('route', () => {
  test('takes turns: 6 calls over 3 replicas are 2 each', async () => {
    await using service = await Counter.options({ ...inline, numReplicas: 3 }).asService(0);
    for (let i = 0; i < 6; i++) await service.increment.route(1);
    expect(await service.getValue.fanout()).toEqual([2, 2, 2]);
    expect(service.metrics().replicas.map(({ totalRequests }) => totalRequests)).toEqual([3, 3, 3]);
    expect(service.metrics().service.totalSessions).toBe(0);
  });

  test('hands arguments to the endpoint and its result back', async () => {
    await using service = await Counter.options(inline).asService(10);
    expect(await service.increment.route(5)).toBe(15);
    expect(await service.increment.route()).toBe(16);
  });

  test('an error of the endpoint reaches the caller and leaves the replica in service', async () => {
    await using service = await Counter.options(inline).asService(7);
    await expect(service.fail.route('no luck')).rejects.toMatchObject({
      code: 'ERR_MONARCH_ACTOR',
      endpoint: 'fail',
      cause: { name: 'TypeError', message: 'no luck' },
    });
    expect(await service.getValue.route()).toBe(7);
    const { replicas, service: totals } = service.metrics();
    expect(replicas[0]).toMatchObject({ totalRequests: 2, failedRequests: 1, successfulRequests: 1, restarts: 0 });
    expect(totals.healthyReplicas).toBe(1);
  });

  test('an argument that cannot be sent is the caller’s mistake, not the replica’s', async () => {
    await using service = await Counter.options(inline).asService(0);
    // @ts-expect-error a function is no number
    await expect(service.increment.route(() => 1)).rejects.toMatchObject({ code: 'ERR_MONARCH_UNSENDABLE' });
    expect(service.state().replicas[0]).toMatchObject({ state: 'healthy', activeRequests: 0 });
  });

  test('a service or session as an argument is refused in one sentence, and nothing is sent', async () => {
    await using service = await Counter.options({ ...inline, meshName: 'votes' }).asService(0);
    await using session = await service.session();
    const why = 'which stays in the process that started it. Send a mesh of asActor, or plain data.';
    // @ts-expect-error a service is no number
    await expect(service.increment.route({ votes: service })).rejects.toMatchObject({
      code: 'ERR_MONARCH_UNSENDABLE',
      path: '[0].votes',
      message: `The value at [0].votes cannot be sent: it is the service votes, ${why}`,
    });
    // @ts-expect-error a session is no number
    await expect(service.increment.route(session)).rejects.toMatchObject({
      message: `The value at [0] cannot be sent: it is a session of the service votes, ${why}`,
    });
    // @ts-expect-error a service is no number
    await expect(Counter.options(inline).asActor(service)).rejects.toMatchObject({ code: 'ERR_MONARCH_UNSENDABLE' });
    expect(await service.getValue.route()).toBe(0);
  });

  test('a replica of several processes calls every rank and answers with that of rank 0', async () => {
    await using service = await Counter.options({ ...inline, procs: 3 }).asService(0);
    expect(await service.rank.route()).toBe(0);
    expect(await service.increment.route(2)).toBe(2);
    await expect(service.fail.route('all of them')).rejects.toMatchObject({ code: 'ERR_MONARCH_ACTOR' });
  });

  test('however many calls come at once, a replica never serves more than its limit', async () => {
    await using service = await Counter.options({
      ...inline,
      numReplicas: 2,
      replicaMaxConcurrentRequests: 3,
    }).asService(0);
    const calls = Array.from({ length: 10 }, () => service.wait.route());
    expect(service.state()).toMatchObject({ queued: 4, replicas: [{ activeRequests: 3 }, { activeRequests: 3 }] });
    expect(service.metrics().service).toMatchObject({ queueDepth: 4, avgQueueDepth: 2, avgCapacityUtilization: 1 });
    await service.open.fanout();
    await Promise.all(calls.slice(0, 6));
    expect(service.state().queued).toBe(0);
    await service.open.fanout();
    await Promise.all(calls);
    expect(service.metrics().service).toMatchObject({ totalRequests: 10, queueDepth: 0, avgCapacityUtilization: 0 });
  });

  test('a full queue pushes back with its numbers, and nothing is sent', async () => {
    await using service = await Counter.options({
      ...inline,
      replicaMaxConcurrentRequests: 1,
      maxQueuedRequests: 2,
    }).asService(0);
    const calls = [service.wait.route(), service.getValue.route(), service.getValue.route()];
    await expect(service.increment.route(1)).rejects.toMatchObject({
      code: 'ERR_SERVICE_BACK_PRESSURE',
      queued: 2,
      max: 2,
    });
    await service.open.fanout();
    expect(await Promise.all(calls)).toEqual([0, 0, 0]);
    expect(service.metrics().service.rejectedRequests).toBe(1);
  });

  test('time in the queue counts towards the deadline, and a late request is never sent', async () => {
    await using service = await Counter.options({ ...inline, replicaMaxConcurrentRequests: 1 }).asService(0);
    const blocking = service.wait.route();
    await expect(service.increment.with({ timeoutMs: 5 }).route(1)).rejects.toMatchObject({
      code: 'ERR_MONARCH_TIMEOUT',
      endpoint: 'increment',
      timeoutMs: 5,
    });
    expect(service.state().queued).toBe(0);
    await service.open.fanout();
    expect(await blocking).toBe(0);
    expect(await service.getValue.route()).toBe(0);
  });

  test('the endpoint’s own deadline holds, in the queue, too', async () => {
    await using service = await Counter.options({ ...inline, replicaMaxConcurrentRequests: 1 }).asService(0);
    const blocking = service.wait.route();
    await expect(service.patient.route()).rejects.toMatchObject({ code: 'ERR_MONARCH_TIMEOUT', timeoutMs: 5 });
    await service.open.fanout();
    await blocking;
  });

  test('a deadline that passes while the endpoint runs frees the slot', async () => {
    await using service = await Counter.options({ ...inline, replicaMaxConcurrentRequests: 1 }).asService(0);
    await expect(service.wait.with({ timeoutMs: 5 }).route()).rejects.toMatchObject({ code: 'ERR_MONARCH_TIMEOUT' });
    expect(await service.getValue.route()).toBe(0);
    await service.open.fanout();
  });

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY])('a deadline of %d ms is refused', async (timeoutMs) => {
    await using service = await Counter.options(inline).asService(0);
    expect(() => service.getValue.with({ timeoutMs })).toThrow(
      expect.objectContaining({ code: 'ERR_SERVICE_OPTIONS' }),
    );
  });

  test('a signal cancels a request wherever it is', async () => {
    await using service = await Counter.options({ ...inline, replicaMaxConcurrentRequests: 1 }).asService(0);
    const cancel = new AbortController();
    const limited = service.wait.with({ signal: cancel.signal });
    const calls = [limited.route(), limited.route()];
    cancel.abort(new RangeError('enough'));
    for (const call of [...calls, limited.route()]) {
      await expect(call).rejects.toMatchObject({ code: 'ERR_MONARCH_ABORTED', cause: { message: 'enough' } });
    }
    expect(await service.getValue.route()).toBe(0);
    await service.open.fanout();
  });
});

describe('fanout', () => {
  test('answers in order of replicas', async () => {
    await using service = await Counter.options({ ...inline, numReplicas: 3 }).asService(0);
    await service.increment.route(5);
    await service.increment.route(6);
    await service.increment.route(7);
    expect(await service.getValue.fanout()).toEqual([5, 6, 7]);
  });

  test('rejects with every error and every outcome when replicas fail', async () => {
    await using service = await Counter.options({ ...inline, numReplicas: 2 }).asService(0);
    const error = await service.fail.fanout('broken').catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ERR_SERVICE_FANOUT',
      endpoint: 'fail',
      outcomes: [{ ok: false }, { ok: false }],
    });
    expect((error as AggregateError).errors).toHaveLength(2);
    expect(await service.fail.fanoutSettled('broken')).toMatchObject([
      { replica: 0, ok: false, error: { code: 'ERR_MONARCH_ACTOR' } },
      { replica: 1, ok: false, error: { code: 'ERR_MONARCH_ACTOR' } },
    ]);
  });

  test('passes the queue, so that an update does not wait for requests', async () => {
    await using service = await Counter.options({ ...inline, replicaMaxConcurrentRequests: 1 }).asService(0);
    const calls = [service.wait.route(), service.getValue.route()];
    expect(await service.increment.fanout(3)).toEqual([3]);
    await service.open.fanout();
    expect(await Promise.all(calls)).toEqual([3, 3]);
  });
});

describe('session', () => {
  test('four calls of one session meet one replica', async () => {
    await using service = await Counter.options({ ...inline, numReplicas: 4 }).asService(0);
    await using session = await service.session();
    expect(session.replica).toBeUndefined();
    for (let i = 1; i <= 4; i++) expect(await session.increment.route(1)).toBe(i);
    expect((await service.getValue.fanout()).toSorted()).toEqual([0, 0, 0, 4]);
    expect(service.metrics().service).toMatchObject({ totalSessions: 1, sessionsPerReplica: [1, 0, 0, 0] });
    expect(session).toMatchObject({ replica: 0, moves: 0 });
  });

  test('inside of a scope the service itself sticks, also behind awaits, and outside it does not', async () => {
    await using service = await Counter.options({ ...inline, numReplicas: 4 }).asService(0);
    const inside = await service.session(async () => {
      await service.reset.route();
      await service.increment.route(1);
      await Promise.resolve();
      return await service.increment.route(1);
    });
    expect(inside).toBe(2);
    expect(service.metrics().service).toMatchObject({ totalSessions: 0, sessionsPerReplica: [0, 0, 0, 0] });
    for (let i = 0; i < 4; i++) await service.increment.route(1);
    expect((await service.getValue.fanout()).toSorted()).toEqual([1, 1, 1, 3]);
  });

  test('concurrent scopes never mix', async () => {
    await using service = await Counter.options({
      ...inline,
      numReplicas: 3,
      replicaMaxConcurrentRequests: 2,
    }).asService(0);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 12 }), async (lengths) => {
        const replicas = await Promise.all(
          lengths.map((length) =>
            service.session(async (session) => {
              const seen = new Set<number | undefined>();
              for (let i = 0; i < length; i++) {
                await service.increment.route(1);
                seen.add(session.replica);
              }
              return [...seen];
            }),
          ),
        );
        for (const seen of replicas) expect(seen).toHaveLength(1);
        expect(service.state()).toMatchObject({ sessions: 0, queued: 0 });
      }),
      { numRuns: 30 },
    );
  });

  test('two services in one scope each keep their own session', async () => {
    await using a = await Counter.options({ ...inline, numReplicas: 2 }).asService(0);
    await using b = await Counter.options({ ...inline, numReplicas: 2 }).asService(100);
    await a.session(async () => {
      await b.increment.route(1);
      await b.session(async () => {
        for (let i = 1; i <= 3; i++) expect(await a.increment.route(1)).toBe(i);
        expect(await b.increment.route(1)).toBe(102);
        expect(await b.increment.route(1)).toBe(103);
      });
    });
  });

  test('a session waits for its own replica while others are free, and holds nobody up', async () => {
    await using service = await Counter.options({
      ...inline,
      numReplicas: 2,
      replicaMaxConcurrentRequests: 1,
    }).asService(0);
    await using session = await service.session();
    const blocking = session.wait.route();
    const waiting = session.getValue.route();
    expect(await service.increment.route(1)).toBe(1);
    expect(service.metrics().replicas.map(({ queueDepth }) => queueDepth)).toEqual([1, 0]);
    await service.open.fanout();
    expect(await Promise.all([blocking, waiting])).toEqual([0, 0]);
  });

  test('a burst of sessions spreads over all replicas', async () => {
    await using service = await Counter.options({ ...inline, numReplicas: 3 }).asService(0);
    const sessions = await Promise.all(Array.from({ length: 6 }, async () => await service.session()));
    for (const session of sessions) await session.increment.route(1);
    expect(service.metrics().service.sessionsPerReplica).toEqual([2, 2, 2]);
    expect(new Set(sessions.map(({ id }) => id)).size).toBe(6);
    for (const session of sessions) await session.close();
    expect(service.metrics().service.sessionsPerReplica).toEqual([0, 0, 0]);
  });

  test('a request on a session that ended is refused', async () => {
    await using service = await Counter.options(inline).asService(0);
    const session = await service.session();
    await session.close();
    await expect(session.increment.route(1)).rejects.toMatchObject({
      code: 'ERR_SERVICE_SESSION_CLOSED',
      session: session.id,
    });
  });
});

describe('start and shutdown', () => {
  test('each options() is a value of its own', async () => {
    const two = Counter.options({ ...inline, numReplicas: 2 });
    const three = Counter.options({ ...inline, numReplicas: 3 });
    await using a = await two.asService(0);
    await using b = await three.asService(0);
    await using c = await two.asService(5);
    expect(await Promise.all([a.getValue.fanout(), b.getValue.fanout(), c.getValue.fanout()])).toEqual([
      [0, 0],
      [0, 0, 0],
      [5, 5],
    ]);
    expect(Object.getOwnPropertyNames(Counter)).not.toContain('numReplicas');
  });

  test('a constructor that throws refuses the service, and no replica is left', async () => {
    await expect(Counter.options({ ...inline, numReplicas: 3 }).asService(-1)).rejects.toMatchObject({
      code: 'ERR_SERVICE_REPLICA_START',
      failures: [{ replica: 0 }],
      cause: { code: 'ERR_MONARCH_ACTOR', cause: { name: 'RangeError' } },
    });
  });

  test('the start hook runs on every replica before the service is there', async () => {
    const seen: unknown[] = [];
    await using service = await Counter.options({
      ...inline,
      numReplicas: 2,
      onReplicaStart: async ({ index, restarts, mesh }) => {
        seen.push([index, restarts]);
        await mesh.increment.callOne(40 + index);
      },
    }).asService(1);
    expect(seen.toSorted()).toEqual([
      [0, 0],
      [1, 0],
    ]);
    expect(await service.getValue.fanout()).toEqual([41, 42]);
  });

  test('a start hook that throws refuses the service with its error', async () => {
    const refused = Counter.options({
      ...inline,
      onReplicaStart: async () => Promise.reject(new RangeError('no weights')),
    });
    await expect(refused.asService(0)).rejects.toThrow('no weights');
  });

  test('shutdown lets running requests end and turns away those that wait or come', async () => {
    const service = await Counter.options({ ...inline, replicaMaxConcurrentRequests: 1 }).asService(3);
    const running = service.wait.route();
    const waiting = service.getValue.route();
    const opened = service.open.fanout();
    const stopped = service.shutdown();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_SERVICE_STOPPED', started: false });
    await expect(service.getValue.route()).rejects.toMatchObject({ code: 'ERR_SERVICE_STOPPED', started: false });
    await expect(service.getValue.fanout()).rejects.toMatchObject({ code: 'ERR_SERVICE_STOPPED' });
    await expect(service.getValue.fanoutSettled()).rejects.toMatchObject({ code: 'ERR_SERVICE_STOPPED' });
    expect(await running).toBe(3);
    await Promise.all([opened, stopped, service.shutdown()]);
    expect(service.state().replicas.map(({ state }) => state)).toEqual(['stopped']);
  });

  test('shutdown answers the callers of what does not end in time', async () => {
    const service = await Counter.options(inline).asService(0);
    const running = service.wait.route();
    const outcome = expect(running).rejects.toMatchObject({ code: 'ERR_SERVICE_STOPPED', started: true });
    const stopped = service.shutdown({ graceMs: 1 });
    await outcome;
    await stopped;
  });

  test('an endpoint with the name of a control is refused', async () => {
    await expect(Metered.options(inline).asService()).rejects.toMatchObject({
      code: 'ERR_SERVICE_OPTIONS',
      option: 'endpoint',
      value: 'metrics',
      message: 'Metered has an endpoint named metrics, and a service answers to that name itself. Rename the endpoint.',
    });
  });

  test.each([
    [{ numReplicas: 0 }, 'numReplicas'],
    [{ procs: 1.5 }, 'procs'],
    [{ replicaMaxConcurrentRequests: 0 }, 'replicaMaxConcurrentRequests'],
    [{ maxQueuedRequests: -1 }, 'maxQueuedRequests'],
    [{ waitForHealthyMs: Number.NaN }, 'waitForHealthyMs'],
    [{ restart: { windowMs: -1 } }, 'restart.windowMs'],
    [{ waitForHealthyMs: Number.POSITIVE_INFINITY }, 'waitForHealthyMs'],
    [{ withGpus: true, kind: 'inline' as const }, 'kind'],
  ])('%j is refused before anything starts', (options, option) => {
    expect(() => Counter.options(options)).toThrow(expect.objectContaining({ code: 'ERR_SERVICE_OPTIONS', option }));
  });
});

test('replicas are placed on the hosts that are named', async () => {
  await using service = await Counter.options({ ...inline, numReplicas: 2, hosts: thisHost() }).asService(1);
  expect(await service.getValue.fanout()).toEqual([1, 1]);
});

describe('asActor', () => {
  test('is one mesh that stops with its processes', async () => {
    const counter = await Counter.options({ ...inline, procs: 1 }).asActor(5);
    expect(await counter.getValue.callOne()).toBe(5);
    expect(await counter.increment.callOne(1)).toBe(6);
    await counter.stop();
    await expect(counter.getValue.callOne()).rejects.toMatchObject({ code: 'ERR_MONARCH_MESH' });
  });

  test('has a dimension when it has several processes', async () => {
    await using counters = await Counter.options({ ...inline, procs: 2 }).asActor(5);
    expect([...(await counters.rank.call()).values()]).toEqual([0, 1]);
    expect(await counters.slice({ procs: 1 }).getValue.callOne()).toBe(5);
  });

  test.each([
    [{ numReplicas: 2 }, 'numReplicas'],
    [{ onReplicaStart: async () => {} }, 'onReplicaStart'],
    [{ maxQueuedRequests: 5 }, 'maxQueuedRequests'],
  ])('refuses %j, which only a service has', async (options, option) => {
    await expect(Counter.options(options).asActor(0)).rejects.toMatchObject({ code: 'ERR_SERVICE_OPTIONS', option });
  });
});

test('ForgeActor itself stays without state', () => {
  expect(Object.getOwnPropertyNames(ForgeActor).toSorted()).toEqual([
    'asActor',
    'asService',
    'length',
    'name',
    'options',
    'prototype',
  ]);
});
