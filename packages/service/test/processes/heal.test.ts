import { attachToHosts } from '@forge/monarch';
import { describe, expect, test } from 'vitest';
import { GpuPool, type ServiceOptions } from '../../src/index.ts';
import { came, eventLog } from '../fixtures/event-log.ts';
import { isAlive } from '../fixtures/processes.ts';
import { Recorder } from '../fixtures/recorder.ts';
import { openRecords, type Records } from '../fixtures/records.ts';
import { startHost } from '../fixtures/start-host.ts';

const CALLS = 3_000;
const restart = { firstDelayMs: 1 };
const four: ServiceOptions<Recorder, 1> = { numReplicas: 4, maxQueuedRequests: 2 * CALLS, restart };

type Asked = (id: number) => Promise<number>;

/** Calls with all numbers at once; their outcomes by number. */
async function askAll(ask: Asked, calls = CALLS): Promise<readonly PromiseSettledResult<number>[]> {
  return await Promise.allSettled(Array.from({ length: calls }, async (_, id) => await ask(id)));
}

const lost = (outcomes: readonly PromiseSettledResult<number>[]) =>
  outcomes.flatMap((outcome, id) => (outcome.status === 'fulfilled' && outcome.value === id ? [] : [id]));

/** How many times numbers were served that had been before. */
const repetitions = (numbers: readonly number[]) => numbers.length - new Set(numbers).size;

function expectNobodyLeft(records: Records): void {
  for (const pid of records.numbers('pids')) expect(isAlive(pid)).toBe(false);
}

describe('3,000 calls, and one of four replicas is killed in the middle', () => {
  test('of those that may be repeated none is lost', async () => {
    using records = openRecords();
    const { onEvent, until } = eventLog();
    {
      await using service = await Recorder.options({ ...four, onEvent }).asService(records.folder, 'first');
      const [victim = 0] = await service.pid.fanout();
      const asked = askAll(async (id) => {
        const value = await service.again.route(id);
        if (id === CALLS / 4) process.kill(victim, 'SIGKILL');
        return value;
      });
      expect(lost(await asked)).toEqual([]);
      await until(came('healthy', 0), 2);
      expect(await service.pid.fanout()).toHaveLength(4);
    }
    expectNobodyLeft(records);
  });

  test('of those that may not, none runs twice, and those it had begun say that their outcome is unknown', async () => {
    using records = openRecords();
    await using service = await Recorder.options(four).asService(records.folder, 'first');
    const [victim = 0] = await service.pid.fanout();
    const outcomes = await askAll(async (id) => {
      const value = await service.once.route(id);
      if (id === CALLS / 4) process.kill(victim, 'SIGKILL');
      return value;
    });
    const failed = lost(outcomes);
    expect(failed.length).toBeLessThanOrEqual(10);
    for (const id of failed) {
      expect(outcomes[id]).toMatchObject({ reason: { code: 'ERR_SERVICE_REPLICA_FAILED', replica: 0 } });
    }
    const served = records.numbers('once');
    expect(repetitions(served)).toBe(0);
    expect(new Set([...served, ...failed]).size).toBe(CALLS);
  });
});

describe('a rolling update', () => {
  test.each([0, 2])('with a surge of %d loses none of 3,000 calls, and repeats none', async (surge) => {
    using records = openRecords();
    {
      await using service = await Recorder.options(four).asService(records.folder, 'first');
      const before = await service.pid.fanout();
      const updated = Promise.withResolvers<void>();
      const outcomes = await askAll(async (id) => {
        const value = await service.once.route(id);
        if (id === CALLS / 8) {
          const update = service.rollingUpdate({ args: [records.folder, 'second'], surge });
          update.then(updated.resolve, updated.reject);
        }
        return value;
      });
      await updated.promise;
      expect(lost(outcomes)).toEqual([]);
      expect(repetitions(records.numbers('once'))).toBe(0);
      expect(await service.edition.fanout()).toEqual(['second', 'second', 'second', 'second']);
      for (const pid of before) expect(isAlive(pid)).toBe(false);
    }
    expectNobodyLeft(records);
  });

  test('that cannot start its first replacement leaves all as they were', async () => {
    using records = openRecords();
    await using service = await Recorder.options({ ...four, numReplicas: 2 }).asService(records.folder, 'first');
    const before = await service.pid.fanout();
    await expect(service.rollingUpdate({ args: [records.folder, 'broken'] })).rejects.toMatchObject({
      code: 'ERR_SERVICE_ROLLING_UPDATE',
      replica: 0,
      replaced: 0,
      total: 2,
      cause: { code: 'ERR_MONARCH_ACTOR' },
    });
    expect(await service.pid.fanout()).toEqual(before);
    await expect(service.rollingUpdate({ args: [records.folder, 'broken'], surge: 0 })).rejects.toThrow('0 of 2');
    expect(await service.edition.fanout()).toEqual(['first', 'first']);
  });
});

test('replicas of a host that disappears go on at the other, and no call is lost that may be repeated', async () => {
  using records = openRecords();
  const { onEvent, until } = eventLog();
  await using near = await startHost();
  await using far = await startHost();
  {
    await using hosts = await attachToHosts([near.address, far.address]);
    await using service = await Recorder.options({ ...four, hosts, onEvent }).asService(records.folder, 'first');
    expect(service.state().replicas.map(({ host }) => host)).toEqual([0, 1, 0, 1]);
    const outcomes = await askAll(async (id) => {
      const value = await service.again.route(id);
      if (id === CALLS / 4) far.child.kill('SIGKILL');
      return value;
    });
    expect(lost(outcomes)).toEqual([]);
    await until(came('healthy'), 6);
    expect(service.state().replicas.map(({ host, state }) => [host, state])).toEqual(
      [0, 1, 2, 3].map(() => [0, 'healthy']),
    );
  }
  expectNobodyLeft(records);
});

describe('a constructor that throws in one replica only', () => {
  const gpus = () => new GpuPool(['0', '1', '2']);

  test('refuses the service, and names the replica', async () => {
    using records = openRecords();
    const pool = gpus();
    const starting = Recorder.options({ numReplicas: 3, withGpus: true, gpus: pool }).asService(
      records.folder,
      'broken on 1',
    );
    await expect(starting).rejects.toMatchObject({
      code: 'ERR_SERVICE_REPLICA_START',
      failures: [{ replica: 1 }],
      message: expect.stringMatching(/^1 of 3 replicas of Recorder did not start \(1\): .*broken on 1/),
    });
    expect(pool.free).toEqual(['0', '1', '2']);
    expectNobodyLeft(records);
  });

  test('leaves the others in service where fewer will do', async () => {
    using records = openRecords();
    const { onEvent, until } = eventLog();
    await using service = await Recorder.options({
      ...{ numReplicas: 3, withGpus: true, gpus: gpus(), onEvent },
      minHealthyReplicas: 2,
      restart: { firstDelayMs: 1, maxRestarts: 1 },
    }).asService(records.folder, 'broken on 1');
    expect(await service.gpu.fanout()).toEqual(['0', '2']);
    await until(came('unhealthy', 1));
    expect(service.state().replicas.map(({ state }) => state)).toEqual(['healthy', 'unhealthy', 'healthy']);
  });
});

test('each process of a replica sees a GPU of its own', async () => {
  using records = openRecords();
  let seen: readonly unknown[] = [];
  await using service = await Recorder.options({
    ...{ procs: 2, numReplicas: 1, withGpus: true, gpus: new GpuPool(['4', '7']) },
    onReplicaStart: async ({ mesh }) => {
      seen = [...(await mesh.gpu.call()).values()];
    },
  }).asService(records.folder, 'first');
  expect(seen).toEqual(['4', '7']);
  expect(await service.gpu.route()).toBe('4');
});

test('a replica that hangs is taken out of service, and back when it answers', async () => {
  using records = openRecords();
  const { onEvent, until } = eventLog();
  await using service = await Recorder.options({
    ...{ ...four, numReplicas: 2, onEvent },
    health: {
      check: async ({ mesh }) => await mesh.pid.callOne(),
      ...{ intervalMs: 5, timeoutMs: 1_000, maxFailures: 1, firstProbeMs: 5, maxProbes: 1_000 },
    },
  }).asService(records.folder, 'first');
  const [hanging = 0, other] = await service.pid.fanout();
  process.kill(hanging, 'SIGSTOP');
  await until(came('ejected', 0));
  expect(service.state().replicas[0]?.cause).toMatchObject({
    code: 'ERR_SERVICE_HEALTH_CHECK_TIMEOUT',
    timeoutMs: 1_000,
  });
  expect(await Promise.all([1, 2, 3].map(() => service.pid.route()))).toEqual([other, other, other]);
  process.kill(hanging, 'SIGCONT');
  await until(came('healthy', 0), 2);
  expect(new Set(await Promise.all([1, 2].map(() => service.pid.route())))).toEqual(new Set([hanging, other]));
  expect(service.metrics().service.restarts).toBe(0);
});

test('a shutdown ends what is starting for an update, and the update', async () => {
  using records = openRecords();
  const { onEvent, until } = eventLog();
  const service = await Recorder.options({ ...four, numReplicas: 2, onEvent }).asService(records.folder, 'first');
  const update = service.rollingUpdate({ args: [records.folder, 'hang'] }).catch((error: unknown) => error);
  await until(({ type }) => type === 'replicaAdded', 3);
  await service.shutdown();
  expect(await update).toMatchObject({ code: 'ERR_SERVICE_ROLLING_UPDATE', replaced: 0 });
  expectNobodyLeft(records);
});
