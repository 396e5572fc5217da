import { expect, onTestFinished, test } from 'vitest';
import type { MeshFailure, ProcMesh, RestartPolicy, SpawnProcsOptions } from '../../src/index.ts';
import { isAlive } from '../fixtures/alive.ts';
import { Grown } from '../fixtures/grown.ts';
import { Keeper, Mortal } from '../fixtures/mortal.ts';
import { until } from '../fixtures/until.ts';

/** Starts two processes. */
export type SpawnWorkers = (
  options: Pick<SpawnProcsOptions<never>, 'supervise' | 'restart'>,
) => Promise<ProcMesh<'worker'>>;

/** What every way to start processes owes to those that have a policy of restarts. */
export function restarts(spawnWorkers: SpawnWorkers): void {
  async function workers(restart: RestartPolicy | undefined) {
    const failures: MeshFailure[] = [];
    const supervise = (failure: MeshFailure) => {
      failures.push(failure);
      return true;
    };
    const procs = await spawnWorkers({
      supervise,
      ...(restart !== undefined && { restart: { backoffMs: 1, ...restart } }),
    });
    onTestFinished(async () => await procs.stop());
    return { procs, failures };
  }

  test('a process that is killed is started again on its place, with its actors, and handles keep working', async () => {
    const { procs, failures } = await workers({});
    const mortals = await procs.spawn('mortals', Mortal, { seen: ['first'] });
    const others = await procs.slice({ worker: 1 }).spawn('others', Mortal);
    const [left, right] = [...(await mortals.pid.call()).values()];
    const hanging = mortals.slice({ worker: 1 }).hang.callOne();
    process.kill(right ?? 0, 'SIGKILL');
    await expect(hanging).rejects.toMatchObject({ kind: 'signal', restarting: true, process: { pid: right } });
    mortals.note.broadcast('later');
    const seen = mortals.seen.call();
    expect([...(await seen).values()]).toEqual([
      ['first', 'later'],
      ['first', 'later'],
    ]);
    const pids = [...(await mortals.pid.call()).values()];
    expect(pids[0]).toBe(left);
    expect(pids[1]).not.toBe(right);
    expect(await others.pid.callOne()).toBe(pids[1]);
    expect([...(await mortals.generation.call()).values()]).toEqual([0, 1]);
    expect(failures).toMatchObject([
      { mesh: 'mortals', kind: 'signal', restarting: true, generation: 0, points: [{ rank: 1 }] },
      { mesh: 'others', kind: 'signal', restarting: true, generation: 0, points: [{ rank: 0 }] },
    ]);
    await using later = await procs.spawn('later', Mortal);
    expect([...(await later.pid.call()).values()]).toEqual(pids);
    process.kill(pids[1] ?? 0, 'SIGKILL');
    await until(() => failures.length === 5);
    expect(await later.slice({ worker: 1 }).generation.callOne()).toBe(1);
    expect([...(await mortals.generation.call()).values()]).toEqual([0, 2]);
  });

  test('a third process learns how a process ended, and finds the one that took its place', async () => {
    const { procs, failures } = await workers({});
    const mortals = await procs.spawn('mortals', Mortal, { seen: ['kept'] });
    const keepers = await procs.spawn('keepers', Keeper);
    const [keeper, one] = [keepers.slice({ worker: 0 }), mortals.slice({ worker: 1 })];
    await keeper.keep.callOne(one);
    const pid = await one.pid.callOne();
    const hanging = keeper.hang.callOne();
    process.kill(pid, 'SIGKILL');
    expect(await hanging).toMatchObject({ mesh: 'mortals', kind: 'signal', restarting: true, process: { pid } });
    expect(await keeper.kept.callOne()).toEqual([['kept'], 1]);
    expect(failures.map(({ mesh }) => mesh)).toEqual(['mortals', 'keepers']);
  });

  test('without a policy a third process learns the same failure as the owner', async () => {
    const { procs, failures } = await workers(undefined);
    const mortals = await procs.spawn('mortals', Mortal);
    const keepers = await procs.spawn('keepers', Keeper);
    const [keeper, one] = [keepers.slice({ worker: 0 }), mortals.slice({ worker: 1 })];
    await keeper.keep.callOne(one);
    const pid = await one.pid.callOne();
    const hanging = keeper.hang.callOne();
    process.kill(pid, 'SIGKILL');
    const { message, process: exit } = failures[0] ?? { message: '', process: undefined };
    expect(await hanging).toMatchObject({ message: expect.stringContaining(`process ${pid} was killed by SIGKILL`) });
    await until(() => failures.length === 2);
    expect(await keeper.hang.callOne()).toMatchObject({
      message: failures[0]?.message,
      kind: 'signal',
      process: failures[0]?.process,
    });
    void [message, exit];
  });

  test('the loss after the last restart is final, and actors that were lost before stay lost', async () => {
    const { procs, failures } = await workers({ max: 1 });
    const mortals = await procs.spawn('mortals', Mortal);
    const broken = await procs.spawn('broken', Mortal);
    const [one, other] = [mortals.slice({ worker: 1 }), broken.slice({ worker: 1 })];
    other.throws.broadcast('for good');
    await until(() => failures.length === 1);
    process.kill(await one.pid.callOne(), 'SIGKILL');
    await until(() => failures.length === 2);
    expect(await one.generation.callOne()).toBe(1);
    await expect(other.ping.callOne()).rejects.toMatchObject({
      kind: 'exception',
      message: expect.stringContaining('for good'),
    });
    process.kill(await one.pid.callOne(), 'SIGKILL');
    await expect(one.hang.callOne()).rejects.toMatchObject({ kind: 'signal', restarting: false });
    await expect(one.ping.callOne()).rejects.toMatchObject({ kind: 'signal', restarting: false });
    expect(failures.map(({ mesh, restarting }) => [mesh, restarting])).toEqual([
      ['broken', false],
      ['mortals', true],
      ['mortals', false],
    ]);
    expect(await mortals.slice({ worker: 0 }).ping.callOne()).toBe('pong');
  });

  test('stopping processes while one is restarted ends the wait and leaves none', async () => {
    const { procs, failures } = await workers({ backoffMs: 60_000, maxBackoffMs: 60_000 });
    const grown = await procs.spawn('grown', Grown);
    const pids = [...(await grown.raise.call()).values()].flat();
    process.kill(pids[0] ?? 0, 'SIGKILL');
    await until(() => failures.length === 1);
    const waiting = grown.slice({ worker: 0 }).pid.callOne();
    const refused = expect(waiting).rejects.toMatchObject({ kind: 'aborted' });
    await procs.stop('enough');
    await refused;
    await until(() => !pids.some(isAlive));
  });
}
