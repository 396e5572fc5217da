import { describe, expect, test } from 'vitest';
import { GpuPool, type ServiceEvent } from '../../src/index.ts';
import { Counter } from '../fixtures/counter.ts';
import { eventLog } from '../fixtures/event-log.ts';
import { isAlive } from '../fixtures/processes.ts';

const restarted = (replica: number) => (event: ServiceEvent) =>
  event.type === 'replicaStateChanged' &&
  event.replica === replica &&
  event.from === 'warming' &&
  event.cause !== undefined &&
  event.to === 'healthy';

const restart = { firstDelayMs: 1 };

describe('one of two replicas is killed in the middle of calls', () => {
  test('the other goes on, it is restarted, idempotent calls are not lost, the others reject clearly', async () => {
    const { seen, onEvent, until } = eventLog();
    const pids = new Set<number>();
    {
      await using service = await Counter.options({ numReplicas: 2, restart, onEvent }).asService(7);
      const [victim = 0, other = 0] = await service.pid.fanout();
      pids.add(victim).add(other);
      const idempotent = Array.from({ length: 4 }, () => service.idempotentWait.route());
      const plain = Array.from({ length: 2 }, () => service.wait.route());
      expect(service.state().replicas.map(({ activeRequests }) => activeRequests)).toEqual([3, 3]);

      process.kill(victim, 'SIGKILL');
      await until(({ type }) => type === 'requestRetried');
      const lost = await plain[0]?.catch((reason: unknown) => reason);
      expect(lost).toMatchObject({
        code: 'ERR_SERVICE_REPLICA_FAILED',
        replica: 0,
        endpoint: 'wait',
        attempts: 1,
      });
      expect((lost as Error).cause).toMatchObject({
        code: 'ERR_MONARCH_MESH',
        kind: 'signal',
        process: { pid: victim, signal: 'SIGKILL' },
      });
      expect((lost as Error).message).toMatch(/Replica 0 of Counter was lost while it served wait .*unknown/);

      await until(restarted(0));
      const [fresh = 0, same] = await service.pid.fanout();
      pids.add(fresh);
      expect(same).toBe(other);
      expect(fresh).not.toBe(victim);
      await service.open.fanout();
      expect(await Promise.all([...idempotent, plain[1]])).toEqual([7, 7, 7, 7, 7]);
      expect(service.metrics().service).toMatchObject({ retriedRequests: 2, restarts: 1, healthyReplicas: 2 });
      expect(seen.filter(({ type }) => type === 'requestRetried')).toHaveLength(2);
    }
    for (const pid of pids) expect(isAlive(pid)).toBe(false);
  });

  test('a thousand idempotent calls all get their answer', async () => {
    const { onEvent, until } = eventLog();
    await using service = await Counter.options({ numReplicas: 2, restart, onEvent }).asService(7);
    const [victim = 0] = await service.pid.fanout();
    const calls = Array.from({ length: 1000 }, () => service.getValue.route());
    await calls[100];
    process.kill(victim, 'SIGKILL');
    expect(new Set(await Promise.all(calls))).toEqual(new Set([7]));
    await until(restarted(0));
  });
});

test('the start hook runs on the restarted replica before it serves, and fanouts of that time reach it', async () => {
  const { onEvent, until } = eventLog();
  let version = 1;
  const entered = Promise.withResolvers<void>();
  const leave = Promise.withResolvers<void>();
  await using service = await Counter.options({
    numReplicas: 2,
    restart,
    onEvent,
    onReplicaStart: async ({ restarts, mesh }) => {
      await mesh.setValue.callOne(version);
      if (restarts === 0) return;
      entered.resolve();
      await leave.promise;
    },
  }).asService(0);
  const [victim = 0] = await service.pid.fanout();
  version = 2;
  process.kill(victim, 'SIGKILL');
  await entered.promise;
  expect(await service.setValue.fanout(3)).toEqual([3]);
  leave.resolve();
  await until(restarted(0));
  expect(await service.getValue.fanout()).toEqual([3, 3]);
});

test('a session that may move goes on elsewhere when its replica dies, and says so', async () => {
  const { seen, onEvent } = eventLog();
  await using service = await Counter.options({ numReplicas: 2, restart: { firstDelayMs: 60_000 }, onEvent }).asService(
    0,
  );
  await using session = await service.session({ whenLost: 'move' });
  expect(await session.increment.route(5)).toBe(5);
  const victim = await session.pid.route();
  const lost = session.wait.route().catch((reason: unknown) => reason);
  process.kill(victim, 'SIGKILL');
  expect(await lost).toMatchObject({ code: 'ERR_SERVICE_REPLICA_FAILED' });
  expect(await session.getValue.route()).toBe(0);
  expect(session).toMatchObject({ replica: 1, moves: 1 });
  expect(seen).toContainEqual({ type: 'sessionMoved', session: session.id, from: 0, to: 1 });
});

test('when the only replica dies, requests wait for its restart', async () => {
  const { onEvent, until } = eventLog();
  await using service = await Counter.options({ restart, onEvent }).asService(3);
  process.kill(await service.pid.route(), 'SIGKILL');
  await until((event) => event.type === 'replicaStateChanged' && event.to === 'recovering');
  const [routed, fanned] = await Promise.all([service.getValue.route(), service.getValue.fanout()]);
  expect([routed, fanned]).toEqual([3, [3]]);
});

test('a replica that used up its restarts is unhealthy for good, and requests say why at once', async () => {
  const { onEvent, until } = eventLog();
  await using service = await Counter.options({ restart: { ...restart, maxRestarts: 1 }, onEvent }).asService(3);
  process.kill(await service.pid.route(), 'SIGKILL');
  await until(restarted(0));
  const waiting = service.wait.route().catch((reason: unknown) => reason);
  process.kill(await service.pid.route(), 'SIGKILL');
  await until((event) => event.type === 'replicaStateChanged' && event.to === 'unhealthy');
  expect(await waiting).toMatchObject({ code: 'ERR_SERVICE_REPLICA_FAILED' });
  await expect(service.getValue.route()).rejects.toMatchObject({
    code: 'ERR_SERVICE_NO_HEALTHY_REPLICA',
    waitedMs: 0,
    states: ['unhealthy'],
    cause: { code: 'ERR_MONARCH_MESH', kind: 'signal' },
  });
});

test('one lost rank takes its replica with it', async () => {
  const { onEvent, until } = eventLog();
  let pids: readonly number[] = [];
  await using service = await Counter.options({
    procs: 2,
    restart,
    onEvent,
    onReplicaStart: async ({ mesh }) => {
      pids = [...(await mesh.pid.call()).values()];
    },
  }).asService(3);
  const before = pids;
  const running = service.wait.route().catch((reason: unknown) => reason);
  process.kill(before[1] ?? 0, 'SIGKILL');
  expect(await running).toMatchObject({ code: 'ERR_SERVICE_REPLICA_FAILED' });
  await until(restarted(0));
  for (const pid of before) expect(isAlive(pid)).toBe(false);
  expect(await service.getValue.route()).toBe(3);
});

test('GPUs are named to each replica once, stay with it over restarts and are free again in the end', async () => {
  const gpus = new GpuPool(['0', '2', '3', '5']);
  const { onEvent, until } = eventLog();
  const service = await Counter.options({ numReplicas: 2, withGpus: true, gpus, restart, onEvent }).asService(0);
  const trainer = await Counter.options({ withGpus: true, gpus }).asActor(0);
  expect(await service.environment.fanout('CUDA_VISIBLE_DEVICES')).toEqual(['0', '2']);
  expect(await trainer.environment.callOne('CUDA_VISIBLE_DEVICES')).toBe('3');
  await expect(Counter.options({ procs: 2, withGpus: true, gpus }).asActor(0)).rejects.toMatchObject({
    code: 'ERR_SERVICE_GPUS',
    wanted: 2,
    free: ['5'],
  });
  const [victim = 0] = await service.pid.fanout();
  process.kill(victim, 'SIGKILL');
  await until(restarted(0));
  expect(await service.environment.fanout('CUDA_VISIBLE_DEVICES')).toEqual(['0', '2']);
  await service.shutdown();
  await trainer.stop();
  expect(gpus.free).toEqual(['0', '2', '3', '5']);
});
