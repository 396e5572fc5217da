import { expect, test } from 'vitest';
import { Counter } from '../fixtures/counter.ts';

const restart = { firstDelayMs: 60_000 };

test('a stream from another process: leaving it ends it there, its process killed ends it here', async () => {
  await using service = await Counter.options({ restart, replicaMaxConcurrentRequests: 1 }).asService(0);
  for await (const item of service.forever.route()) if (item === 100) break;
  await service.left.route();
  const pid = await service.pid.route();
  let last = -1;
  const reading = (async () => {
    for await (const item of service.forever.route()) {
      if (item === 50) process.kill(pid, 'SIGKILL');
      expect(item).toBe(last + 1);
      last = item;
    }
  })();
  await expect(reading).rejects.toMatchObject({
    code: 'ERR_SERVICE_REPLICA_FAILED',
    endpoint: 'forever',
    reason: 'streaming',
    cause: { code: 'ERR_MONARCH_MESH', kind: 'signal' },
  });
  expect(last).toBeGreaterThanOrEqual(50);
  expect(service.state().replicas[0]?.activeRequests).toBe(0);
});

test('a session whose process is killed says that its state is lost; the next one starts elsewhere', async () => {
  await using service = await Counter.options({ numReplicas: 2, restart }).asService(0);
  await using session = await service.session();
  expect(await session.increment.route(5)).toBe(5);
  const waiting = session.idempotentWait.route().catch((reason: unknown) => reason);
  process.kill(await session.pid.route(), 'SIGKILL');
  const lost = { code: 'ERR_SERVICE_SESSION_LOST', session: session.id, replica: 0, cause: { kind: 'signal' } };
  expect(await waiting).toMatchObject(lost);
  await expect(session.getValue.route()).rejects.toMatchObject(lost);
  await using next = await service.session();
  expect(await next.getValue.route()).toBe(0);
  expect(next.replica).toBe(1);
  expect(service.state().sessions).toBe(1);
});

test('a key keeps its replica while that lives, and calls by key go on when it dies', async () => {
  await using service = await Counter.options({ numReplicas: 3, restart }).asService(0);
  const byKey = service.pid.with({ key: 'user-7' });
  const home = await byKey.route();
  expect(new Set(await Promise.all(Array.from({ length: 9 }, () => byKey.route())))).toEqual(new Set([home]));
  process.kill(home, 'SIGKILL');
  const next = await byKey.route();
  expect(next).not.toBe(home);
  expect(await byKey.route()).toBe(next);
});
