import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeIncarnation, fakeReplicas, lostProcess } from './fixtures/fake-replicas.ts';
import { settled } from './fixtures/manual-clock.ts';

const plain = { endpoint: 'plain', args: [] };
const idempotent = { endpoint: 'idempotent', args: [] };
const outcomeOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe('restart', () => {
  test('waits 0.2 s, doubles, and after the fifth within a minute gives up for good', async () => {
    const { set, clock, started, events } = fakeReplicas();
    await set.start();
    const delays: (number | undefined)[] = [];
    for (let loss = 0; loss < 6; loss++) {
      started.at(-1)?.die();
      await settled();
      delays.push(clock.pending[0]);
      await clock.pass(clock.pending[0] ?? 0);
    }
    expect(delays).toEqual([200, 400, 800, 1600, 3200, undefined]);
    expect(started).toHaveLength(6);
    expect(started.every(({ isStopped }) => isStopped)).toBe(true);
    expect(set.replicas[0]?.state).toBe('unhealthy');
    expect(events.at(-1)).toMatchObject({ type: 'replicaStateChanged', from: 'healthy', to: 'unhealthy' });
    await set.shutdown(0);
    expect(clock.pending).toEqual([]);
  });

  test('a start that fails counts as a loss and is tried again', async () => {
    let starts = 0;
    const { set, clock } = fakeReplicas({
      start: async (index, lost) => {
        if (++starts === 2) throw new RangeError('no memory');
        return new FakeIncarnation(index, lost, clock);
      },
    });
    await set.start();
    set.replicas[0]?.lose(lostProcess(0));
    await clock.pass(200);
    expect(set.replicas[0]).toMatchObject({ state: 'recovering', cause: { message: 'no memory' } });
    await clock.pass(400);
    expect(set.replicas[0]).toMatchObject({ state: 'healthy', restarts: 2 });
  });

  test('shutdown while it waits to restart ends the wait', async () => {
    const { set, clock, started } = fakeReplicas();
    await set.start();
    started[0]?.die();
    await settled();
    await set.shutdown(0);
    await clock.pass(60_000);
    expect(started).toHaveLength(1);
    expect(clock.pending).toEqual([]);
  });

  test('a hook that fails on a restarted replica is tried again with a fresh one', async () => {
    let runs = 0;
    const { set, clock, started } = fakeReplicas({
      catchUp: async () => {
        if (++runs === 2) throw new RangeError('store is away');
      },
    });
    await set.start();
    started[0]?.die();
    await clock.pass(200);
    expect(set.replicas[0]?.state).toBe('recovering');
    expect(started[1]?.isStopped).toBe(true);
    await clock.pass(400);
    expect(set.replicas[0]?.state).toBe('healthy');
  });

  test('a process that dies in the hook does not leave the hook waiting', async () => {
    const hang = new Promise<void>(() => {});
    let runs = 0;
    const { set, clock, started } = fakeReplicas({ catchUp: async () => (++runs === 2 ? await hang : undefined) });
    await set.start();
    started[0]?.die();
    await clock.pass(200);
    started[1]?.die();
    await clock.pass(400);
    expect(set.replicas[0]?.state).toBe('healthy');
  });
});

describe('a request whose replica is lost', () => {
  test('goes to another replica when it is idempotent, three times at most', async () => {
    const { set, clock, started, events } = fakeReplicas({ numReplicas: 4 });
    await set.start();
    const lost = outcomeOf(set.route(idempotent));
    await settled();
    for (const index of [0, 1, 2]) {
      expect(started[index]?.calls).toHaveLength(1);
      started[index]?.die();
      await clock.pass(0);
    }
    expect(await lost).toMatchObject({
      code: 'ERR_SERVICE_REPLICA_FAILED',
      replica: 2,
      attempts: 3,
      reason: 'attempts',
    });
    expect(events.filter(({ type }) => type === 'requestRetried')).toHaveLength(2);
    expect(started[3]?.calls).toHaveLength(0);
    await set.shutdown(0);
  });

  test('waits in its old place, before younger requests, when no replica is free', async () => {
    const { set, clock, started } = fakeReplicas({ maxConcurrency: 1 });
    await set.start();
    const calls = ['a', 'b', 'c'].map((name) => outcomeOf(set.route({ endpoint: 'idempotent', args: [name] })));
    started[0]?.die();
    await clock.pass(200);
    for (const name of ['a', 'b', 'c']) {
      const call = started[1]?.calls.at(-1);
      expect(call?.args).toEqual([name]);
      call?.answer.resolve(name);
      await settled();
    }
    expect(await Promise.all(calls)).toEqual(['a', 'b', 'c']);
    await set.shutdown(0);
  });

  test('that had not begun waits for the restart, idempotent or not', async () => {
    const { set, clock, started } = fakeReplicas({ maxConcurrency: 1 });
    await set.start();
    const begun = outcomeOf(set.route(plain));
    const waiting = set.route(plain);
    started[0]?.die();
    expect(await begun).toMatchObject({ code: 'ERR_SERVICE_REPLICA_FAILED' });
    await clock.pass(200);
    started[1]?.calls[0]?.answer.resolve('late');
    expect(await waiting).toBe('late');
    await set.shutdown(0);
  });

  test('and who learns of it late does not cost the next incarnation its life', async () => {
    const { set, clock, started } = fakeReplicas();
    await set.start();
    const slow = outcomeOf(set.route(plain));
    set.replicas[0]?.lose(lostProcess(0));
    await clock.pass(200);
    expect(set.replicas[0]?.state).toBe('healthy');
    started[0]?.die();
    expect(await slow).toMatchObject({ code: 'ERR_SERVICE_REPLICA_FAILED' });
    expect(set.replicas[0]).toMatchObject({ state: 'healthy', inFlight: 0, restarts: 1 });
    await set.shutdown(0);
  });
});

describe('while no replica is healthy', () => {
  test('requests wait for waitForHealthyMs, each from its own call on, then say why', async () => {
    const { set, clock, started } = fakeReplicas({ restart: { firstDelayMs: 20_000 } });
    await set.start();
    const failure = started[0]?.die();
    await settled();
    const first = outcomeOf(set.route(plain));
    await clock.pass(3_000);
    const second = outcomeOf(set.route(plain));
    const fanned = outcomeOf(set.fanout(plain));
    await clock.pass(2_000);
    const error = {
      code: 'ERR_SERVICE_NO_HEALTHY_REPLICA',
      waitedMs: 5_000,
      states: ['recovering'],
      cause: failure,
    };
    expect(await first).toMatchObject(error);
    expect(set.dispatcher.queued).toBe(2);
    await clock.pass(3_000);
    expect(await second).toMatchObject(error);
    expect(await fanned).toMatchObject(error);
    await set.shutdown(0);
  });

  test('a request whose deadline is shorter ends by its deadline', async () => {
    const { set, clock, started } = fakeReplicas({ restart: { firstDelayMs: 20_000 } });
    await set.start();
    started[0]?.die();
    const calls = [
      outcomeOf(set.route({ ...plain, timeoutMs: 100 })),
      outcomeOf(set.fanout({ ...plain, timeoutMs: 100 })),
    ];
    await clock.pass(100);
    for (const call of calls) expect(await call).toMatchObject({ code: 'ERR_MONARCH_TIMEOUT', timeoutMs: 100 });
    await set.shutdown(0);
  });

  test('the wait ends without a trace when a replica is back', async () => {
    const { set, clock, started } = fakeReplicas();
    await set.start();
    started[0]?.die();
    const call = set.route(plain);
    await clock.pass(200);
    expect(clock.pending).toEqual([]);
    started[1]?.calls[0]?.answer.resolve(1);
    expect(await call).toBe(1);
    await set.shutdown(0);
  });

  test('requests of one session that met the outage all go to one replica afterwards', async () => {
    const { set, clock, started } = fakeReplicas({ numReplicas: 3, maxConcurrency: 10 });
    await set.start();
    for (const incarnation of started) incarnation.die();
    await settled();
    const session = set.sessions.open();
    const calls = [1, 2, 3].map((n) => set.route({ endpoint: 'plain', args: [n], session }));
    await clock.pass(200);
    const [home] = started.slice(3).filter((incarnation) => incarnation.calls.length > 0);
    expect(home?.calls.map(({ args }) => args[0])).toEqual([1, 2, 3]);
    for (const { answer } of home?.calls ?? []) answer.resolve(0);
    await Promise.all(calls);
    await set.shutdown(0);
  });
});

describe('a fanout while a replica starts', () => {
  test('reaches it after its hook and before it is healthy, in order', async () => {
    const hook = Promise.withResolvers<void>();
    let runs = 0;
    const { set, clock, started } = fakeReplicas({
      numReplicas: 2,
      catchUp: async () => (++runs === 3 ? await hook.promise : undefined),
    });
    await set.start();
    started[0]?.die();
    await clock.pass(200);
    const fanouts = [7, 8].map((version) => set.fanout({ endpoint: 'plain', args: [version] }));
    for (const { answer } of started[1]?.calls ?? []) answer.resolve('ok');
    expect(await Promise.all(fanouts)).toEqual([7, 8].map(() => [{ replica: 1, ok: true, value: 'ok' }]));
    expect(started[2]?.calls).toEqual([]);
    hook.resolve();
    await settled();
    expect(started[2]?.calls.map(({ args }) => args)).toEqual([[7]]);
    expect(set.replicas[0]?.state).toBe('warming');
    started[2]?.calls[0]?.answer.resolve('ok');
    await settled();
    started[2]?.calls[1]?.answer.resolve('ok');
    await settled();
    expect(started[2]?.calls.map(({ args }) => args)).toEqual([[7], [8]]);
    expect(set.replicas[0]?.state).toBe('healthy');
    await set.shutdown(0);
  });

  test('that fails there is a failed start: a replica that missed an update never serves', async () => {
    const hook = Promise.withResolvers<void>();
    let runs = 0;
    const { set, clock, started } = fakeReplicas({
      numReplicas: 2,
      catchUp: async () => (++runs === 3 ? await hook.promise : undefined),
    });
    await set.start();
    started[0]?.die();
    await clock.pass(200);
    const fanned = set.fanout(plain);
    started[1]?.calls[0]?.answer.resolve('ok');
    await fanned;
    hook.resolve();
    await settled();
    started[2]?.calls[0]?.answer.reject(new RangeError('no such version'));
    await settled();
    expect(set.replicas[0]).toMatchObject({ state: 'recovering', cause: { message: 'no such version' } });
    await set.shutdown(0);
  });
});

test('a start that fails stops the replicas that did start', async () => {
  const { set, started } = fakeReplicas({
    numReplicas: 3,
    catchUp: async (index) => {
      if (index === 1) throw new RangeError('replica 1');
    },
  });
  await expect(set.start()).rejects.toThrow('replica 1');
  expect(started.map(({ isStopped }) => isStopped)).toEqual([true, true, true]);
});

test('whatever is lost, answered and asked, nothing is served twice, lost without an answer, or over the limit', async () => {
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('route' as const), session: fc.option(fc.nat(2)), retry: fc.boolean() }),
    },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('answer' as const), replica: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('die' as const), replica: fc.nat(2) }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(0, 200, 1000, 70_000) }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { set, clock, started } = fakeReplicas({ numReplicas: 3, maxQueued: 5 });
      await set.start();
      const sessions = [0, 1, 2].map(() => set.sessions.open());
      const outcomes: Promise<unknown>[] = [];
      const answered = new Set<unknown>();
      const current = (replica: number) => started.findLast(({ index }) => index === replica);
      for (const command of steps) {
        if (command.do === 'route') {
          const id = outcomes.length;
          const session = command.session === null ? undefined : sessions[command.session];
          const spec = { endpoint: command.retry ? 'idempotent' : 'plain', args: [id], session };
          outcomes.push(
            set.route(spec).then(
              (value) => expect(value).toBe(id),
              (error: { code?: string }) => expect(error.code).toMatch(/^ERR_SERVICE_/),
            ),
          );
        } else if (command.do === 'answer') {
          const call = current(command.replica)?.calls.shift();
          if (call) {
            expect(answered.has(call.args[0])).toBe(false);
            answered.add(call.args[0]);
            call.answer.resolve(call.args[0]);
          }
        } else if (command.do === 'die') {
          if (set.replicas[command.replica]?.state === 'healthy') current(command.replica)?.die();
        } else await clock.pass(command.ms);
        await settled();
        for (const replica of set.replicas) expect(replica.inFlight).toBeLessThanOrEqual(2);
        const free = set.replicas.filter((replica) => replica.hasFreeSlot);
        for (const replica of free) expect(set.dispatcher.queuedFor(replica)).toBe(0);
      }
      const stopped = set.shutdown(0);
      await clock.pass(0);
      await stopped;
      await Promise.all(outcomes);
      const sent = started.flatMap(({ plain: ids }) => ids);
      expect(new Set(sent).size).toBe(sent.length);
      expect(clock.pending).toEqual([]);
      expect(set.replicas.map(({ inFlight }) => inFlight)).toEqual(
        set.replicas.map(({ index }) => current(index)?.calls.length ?? 0),
      );
    }),
    { numRuns: 60 },
  );
});
