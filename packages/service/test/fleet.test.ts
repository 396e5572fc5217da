import { describe, expect, test } from 'vitest';
import { Counter } from './fixtures/counter.ts';
import { FakeIncarnation, fakeReplicas } from './fixtures/fake-replicas.ts';
import { settled } from './fixtures/manual-clock.ts';

const plain = { endpoint: 'plain', args: [] };
const outcomeOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);
const never = new Promise<never>(() => {});

describe('scaling', () => {
  test('starts replicas with the smallest free numbers, and drains those with the largest', async () => {
    const { set, released } = fakeReplicas({ numReplicas: 2 });
    await set.start();
    await set.fleet.drain(0, 0);
    await set.fleet.scale(3, 0);
    expect(set.replicas.map(({ index }) => index)).toEqual([0, 1, 2]);
    await set.fleet.scale(1, 0);
    expect(set.replicas.map(({ index }) => index)).toEqual([0]);
    expect(released).toEqual([0, 2, 1]);
    await set.shutdown(0);
  });

  test('a replica that does not start is named, and tried again', async () => {
    let starts = 0;
    const { set, clock } = fakeReplicas({
      start: async (index, lost) => {
        if (++starts === 2) throw new RangeError('no memory');
        return new FakeIncarnation(index, lost, clock);
      },
    });
    await set.start();
    await expect(set.fleet.scale(2, 0)).rejects.toMatchObject({
      code: 'ERR_SERVICE_REPLICA_START',
      failures: [{ replica: 1, cause: { message: 'no memory' } }],
    });
    await clock.pass(200);
    expect(set.replicas.map(({ state }) => state)).toEqual(['healthy', 'healthy']);
    await set.shutdown(0);
  });
});

describe('draining', () => {
  test('lets requests and sessions end, and takes no others', async () => {
    const { set, started } = fakeReplicas({ numReplicas: 2 });
    await set.start();
    const session = set.sessions.open();
    const inSession = set.route({ ...plain, session });
    const drained = set.fleet.drain(0, 60_000);
    const other = set.route(plain);
    expect(started.map(({ calls }) => calls.length)).toEqual([1, 1]);
    started[0]?.calls[0]?.answer.resolve('first');
    expect(await inSession).toBe('first');
    const again = set.route({ ...plain, session });
    expect(started[0]?.calls).toHaveLength(2);
    started[0]?.calls[1]?.answer.resolve('second');
    expect(await again).toBe('second');
    expect(set.replicas[0]?.state).toBe('draining');
    set.sessions.close(session);
    await drained;
    expect(started[0]?.isStopped).toBe(true);
    expect(set.replicas.map(({ index }) => index)).toEqual([1]);
    started[1]?.calls[0]?.answer.resolve('other');
    expect(await other).toBe('other');
    await set.shutdown(0);
  });

  test('ends after its grace, whatever is left', async () => {
    const { set, clock, started } = fakeReplicas({ numReplicas: 2 });
    await set.start();
    void outcomeOf(set.route(plain));
    const drained = set.fleet.drain(0, 500);
    await clock.pass(499);
    expect(started[0]?.isStopped).toBe(false);
    await clock.pass(1);
    await drained;
    expect(started[0]?.isStopped).toBe(true);
    const stopped = set.shutdown(0);
    await clock.pass(0);
    await stopped;
    expect(clock.pending).toEqual([]);
  });

  test('of the last replica, or of none, is refused', async () => {
    const { set } = fakeReplicas();
    await set.start();
    await expect(set.fleet.drain(0, 0)).rejects.toThrow('It is the last one');
    await expect(set.fleet.drain(7, 0)).rejects.toThrow('There is no such replica');
    expect(set.replicas[0]?.state).toBe('healthy');
    await set.shutdown(0);
  });
});

describe('a start', () => {
  test('that takes too long is a loss, and the process that comes late is ended', async () => {
    const late: FakeIncarnation[] = [];
    const { set, clock } = fakeReplicas({
      ...{ numReplicas: 2, minHealthy: 1, startTimeoutMs: 1_000 },
      start: async (index, lost, signal) => {
        const incarnation = new FakeIncarnation(index, lost, clock);
        if (index === 0) return incarnation;
        late.push(incarnation);
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        return incarnation;
      },
    });
    await set.start();
    await clock.pass(1_000);
    expect(set.replicas[1]).toMatchObject({
      state: 'recovering',
      cause: { code: 'ERR_SERVICE_START_TIMEOUT', replica: 1, timeoutMs: 1_000 },
    });
    expect(late[0]?.isStopped).toBe(true);
    await set.shutdown(0);
    expect(clock.pending).toEqual([]);
  });

  test('that hangs does not keep a shutdown', async () => {
    const { set, clock } = fakeReplicas({
      ...{ numReplicas: 2, minHealthy: 1 },
      catchUp: async (index) => (index === 1 ? await never : undefined),
    });
    await set.start();
    await set.shutdown(0);
    expect(clock.pending).toEqual([]);
    expect(set.replicas.map(({ state }) => state)).toEqual(['stopped', 'stopped']);
  });

  test('of fewer replicas than must be healthy refuses, with each that failed', async () => {
    const { set, started } = fakeReplicas({
      ...{ numReplicas: 4, minHealthy: 3 },
      catchUp: async (index) => {
        if (index % 2 === 1) throw new RangeError(`replica ${index}`);
      },
    });
    await expect(set.start()).rejects.toMatchObject({
      code: 'ERR_SERVICE_REPLICA_START',
      failures: [{ replica: 1 }, { replica: 3 }],
    });
    expect(started.every(({ isStopped }) => isStopped)).toBe(true);
  });
});

describe('a health check', () => {
  const checks = { intervalMs: 100, timeoutMs: 50 };
  const ejection = { maxFailures: 2, firstProbeMs: 1_000, maxProbes: 2 };
  const wrong: readonly (readonly [string, () => unknown])[] = [
    ['throws', () => JSON.parse('{')],
    ['rejects', async () => await Promise.reject(new RangeError('no memory'))],
    ['hangs', async () => await never],
  ];

  test.each(wrong)('that %s takes the replica out of service, and in the end restarts it', async (_, check) => {
    let isWrong = true;
    const { set, clock, started } = fakeReplicas({
      ...{ numReplicas: 2, checks, ejection, restart: { firstDelayMs: 1_000 } },
      check: (index) => (index === 0 && isWrong ? check() : undefined),
    });
    await set.start();
    await clock.pass(300);
    expect(set.replicas.map(({ state }) => state)).toEqual(['ejected', 'healthy']);
    for (let i = 0; i < 2; i++) void outcomeOf(set.route(plain));
    expect(started.map(({ calls }) => calls.length)).toEqual([0, 2]);
    for (const { answer } of started[1]?.calls ?? []) answer.resolve(0);
    // Two probes fail: after 1 s, and 2 s later.
    await clock.pass(3_200);
    expect(set.replicas[0]?.state).toBe('recovering');
    isWrong = false;
    await clock.pass(1_000);
    expect(set.replicas[0]).toMatchObject({ state: 'healthy', restarts: 1, failures: 0 });
    await set.shutdown(0);
    expect(clock.pending).toEqual([]);
  });

  test('that goes well again brings the replica back as it is, once it has heard what all were told', async () => {
    let isWrong = true;
    const { set, clock, started } = fakeReplicas({
      ...{ numReplicas: 2, checks: { ...checks, timeoutMs: 500 }, ejection },
      check: (index) => {
        if (index === 0 && isWrong) throw new RangeError('busy');
      },
    });
    await set.start();
    await clock.pass(300);
    const told = set.fanout(plain);
    started[1]?.calls[0]?.answer.resolve('told');
    expect(await told).toEqual([{ replica: 1, ok: true, value: 'told' }]);
    isWrong = false;
    await clock.pass(1_000);
    expect(set.replicas[0]?.state).toBe('probing');
    expect(started[0]?.calls).toHaveLength(1);
    started[0]?.calls[0]?.answer.resolve('told');
    await settled();
    expect(set.replicas[0]).toMatchObject({ state: 'healthy', restarts: 0 });
    await set.shutdown(0);
    expect(clock.pending).toEqual([]);
  });
});

test('without a check a single request tries an ejected replica, while others go elsewhere', async () => {
  const { set, clock, started } = fakeReplicas({
    ...{ numReplicas: 2, maxConcurrency: 10 },
    ejection: { maxFailures: 1, firstProbeMs: 1_000 },
  });
  await set.start();
  const late = outcomeOf(set.route({ ...plain, timeoutMs: 10 }));
  await clock.pass(10);
  started[0]?.calls[0]?.answer.reject(Object.assign(new Error('late'), { code: 'ERR_MONARCH_TIMEOUT' }));
  expect(await late).toMatchObject({ code: 'ERR_MONARCH_TIMEOUT' });
  await settled();
  expect(set.replicas[0]?.state).toBe('ejected');
  await clock.pass(1_000);
  expect(set.replicas[0]?.state).toBe('probing');
  const calls = [1, 2, 3, 4].map(() => outcomeOf(set.route(plain)));
  expect(started.map(({ calls: taken }) => taken.length)).toEqual([1, 3]);
  started[0]?.calls[0]?.answer.resolve('well');
  await settled();
  expect(set.replicas[0]?.state).toBe('healthy');
  for (const { answer } of started[1]?.calls ?? []) answer.resolve('well');
  expect(await Promise.all(calls)).toEqual(['well', 'well', 'well', 'well']);
  await set.shutdown(0);
});

test.each([
  [{ numReplicas: 0 }, 'numReplicas'],
  [{ numReplicas: 2, minHealthyReplicas: 3 }, 'minHealthyReplicas'],
  [{ numReplicas: 5, autoscale: { maxReplicas: 4 } }, 'numReplicas'],
  [{ autoscale: { maxReplicas: 0 } }, 'autoscale.maxReplicas'],
  [{ autoscale: { maxReplicas: 2, targetOngoing: 0 } }, 'autoscale.targetOngoing'],
  [{ autoscale: { maxReplicas: 2, intervalMs: 0 } }, 'autoscale.intervalMs'],
  [{ health: { maxFailures: 0 } }, 'health.maxFailures'],
  [{ health: { maxProbes: 1.5 } }, 'health.maxProbes'],
  [{ health: { intervalMs: 0 } }, 'health.intervalMs'],
  [{ health: { firstProbeMs: -1 } }, 'health.firstProbeMs'],
  [{ startTimeoutMs: Number.NaN }, 'startTimeoutMs'],
  [{ restart: { maxRestarts: -1 } }, 'restart.maxRestarts'],
])('%j is refused before anything starts', (options, option) => {
  expect(() => Reflect.apply(Counter.options, Counter, [options])).toThrow(
    expect.objectContaining({ code: 'ERR_SERVICE_OPTIONS', option }),
  );
});
