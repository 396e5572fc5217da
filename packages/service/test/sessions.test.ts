import { describe, expect, test } from 'vitest';
import { fakeReplicas } from './fixtures/fake-replicas.ts';
import { settled } from './fixtures/manual-clock.ts';

const plain = { endpoint: 'plain', args: [] };
const idempotent = { endpoint: 'idempotent', args: [] };
const outcomeOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe('a session whose replica is lost', () => {
  test('ends: what had begun may have run, what may be repeated or waits says that its state is lost', async () => {
    const { set, started, events } = fakeReplicas({ numReplicas: 2, maxConcurrency: 2 });
    await set.start();
    const session = set.sessions.open();
    const [begun, repeatable, waiting] = [plain, idempotent, plain].map((spec) =>
      outcomeOf(set.route({ ...spec, session })),
    );
    const failure = started[0]?.die();
    expect(await begun).toMatchObject({ code: 'ERR_SERVICE_REPLICA_FAILED', reason: 'notIdempotent' });
    const lost = { code: 'ERR_SERVICE_SESSION_LOST', session: session.id, replica: 0, cause: failure };
    expect(await repeatable).toMatchObject(lost);
    expect(await waiting).toMatchObject(lost);
    expect(await outcomeOf(set.route({ ...plain, session }))).toMatchObject(lost);
    expect(started[1]?.calls).toEqual([]);
    expect(session.replica).toBeUndefined();
    expect(set.sessions.size).toBe(0);
    expect(events).toContainEqual({ type: 'sessionLost', session: session.id, replica: 0, cause: failure });
    await set.shutdown(0);
  });

  test('goes on elsewhere when it may move, with all of its calls', async () => {
    const { set, clock, started, events } = fakeReplicas({ numReplicas: 3, maxConcurrency: 1 });
    await set.start();
    const session = set.sessions.open({ whenLost: 'move' });
    const calls = [1, 2, 3].map((n) => set.route({ ...idempotent, args: [n], session }));
    started[0]?.die();
    for (let i = 0; i < 3; i++) {
      await clock.pass(0);
      const [call] = started[1]?.calls.splice(0) ?? [];
      call?.answer.resolve(call.args[0]);
    }
    expect(await Promise.all(calls)).toEqual([1, 2, 3]);
    expect(started[2]?.calls).toEqual([]);
    expect(session).toMatchObject({ moves: 1, replica: { index: 1 } });
    expect(events).toContainEqual({ type: 'sessionMoved', session: session.id, from: 0, to: 1 });
    await set.shutdown(0);
  });
});

describe('a session that nobody uses', () => {
  test('expires after its idle time, lets go of its replica, and says how long it was idle', async () => {
    const { set, clock, started, events } = fakeReplicas();
    await set.start();
    const session = set.sessions.open({ idleMs: 1_000 });
    const call = set.route({ ...plain, session });
    await clock.pass(5_000);
    expect(set.sessions.size).toBe(1);
    started[0]?.calls[0]?.answer.resolve('slow');
    expect(await call).toBe('slow');
    await clock.pass(999);
    expect(set.replicas[0]?.assignedSessions).toBe(1);
    await clock.pass(1);
    expect(set.replicas[0]?.assignedSessions).toBe(0);
    expect(events).toContainEqual({ type: 'sessionExpired', session: session.id });
    expect(await outcomeOf(set.route({ ...plain, session }))).toMatchObject({
      code: 'ERR_SERVICE_SESSION_EXPIRED',
      idleMs: 1_000,
    });
    expect(clock.pending).toEqual([]);
    await set.shutdown(0);
  });

  test('each call begins its idle time anew', async () => {
    const { set, clock, started } = fakeReplicas();
    await set.start();
    const session = set.sessions.open({ idleMs: 1_000 });
    for (let call = 0; call < 4; call++) {
      const answered = set.route({ ...plain, session });
      started[0]?.calls.splice(0)[0]?.answer.resolve(call);
      expect(await answered).toBe(call);
      await clock.pass(800);
    }
    await clock.pass(200);
    expect(set.sessions.size).toBe(0);
    await set.shutdown(0);
  });

  test('lives for ever when it is told to', async () => {
    const { set, clock } = fakeReplicas();
    await set.start();
    const session = set.sessions.open({ idleMs: Number.POSITIVE_INFINITY });
    await clock.pass(10 ** 12);
    expect(session.refusal('fake')).toBeUndefined();
    await set.shutdown(0);
  });
});

test('closing a session lets its calls end and takes no more', async () => {
  const { set, started } = fakeReplicas({ maxConcurrency: 1 });
  await set.start();
  const session = set.sessions.open();
  const calls = [1, 2].map((n) => set.route({ ...plain, args: [n], session }));
  set.sessions.close(session);
  const refused = await outcomeOf(set.route({ ...plain, session }));
  expect(refused).toMatchObject({ code: 'ERR_SERVICE_SESSION_CLOSED', session: session.id });
  for (const expected of [1, 2]) {
    await settled();
    started[0]?.calls.splice(0)[0]?.answer.resolve(expected);
  }
  expect(await Promise.all(calls)).toEqual([1, 2]);
  await set.shutdown(0);
});

test('shutdown ends the sessions and the watch on their idle time', async () => {
  const { set, clock } = fakeReplicas();
  await set.start();
  set.sessions.open();
  await set.shutdown(0);
  expect(set.sessions.size).toBe(0);
  expect(clock.pending).toEqual([]);
});
