import { describe, expect, test } from 'vitest';
import { type MeshFailure, surroundings } from '../../src/index.ts';
import { type SimulateOptions, SimulationError, type SimulationScene, simulate } from '../../src/testing/index.ts';
import { Counter } from '../fixtures/counter.ts';
import { Untidy } from '../fixtures/untidy.ts';

/** A network on which nothing happens by itself. */
const QUIET = { reorder: 0, duplicate: 0, cut: 0, minDelayMs: 1, maxDelayMs: 2, silenceMs: 500 };

/** A counter on each of two machines, and the failures that its owner is told. */
async function counters({ hosts }: SimulationScene) {
  const told: MeshFailure[] = [];
  const supervise = (failure: MeshFailure) => told.push(failure) > 0;
  const procs = await hosts.spawnProcs({ supervise });
  const mesh = await procs.spawn('counters', Counter, 0);
  return { told, mesh, near: mesh.slice({ hosts: 0 }), far: mesh.slice({ hosts: 1 }) };
}

/** Runs a body on a quiet network; nothing may be left of it. */
async function onQuiet<T>(body: (scene: SimulationScene) => Promise<T>, options: Partial<SimulateOptions> = {}) {
  const simulation = await simulate({ seed: 1, network: QUIET, ...options }, body);
  expect(simulation.left).toEqual([]);
  return simulation;
}

test('a simulated cluster answers calls, whatever its network does', async () => {
  for (let seed = 0; seed < 50; seed++) {
    const { value, left } = await simulate({ seed, hosts: 2 }, async ({ hosts }) => {
      await using procs = await hosts.spawnProcs();
      await using mesh = await procs.spawn('counters', Counter, 10);
      for (let i = 0; i < 9; i++) await mesh.increment.call(1);
      return [...(await mesh.increment.call(1)).values()];
    });
    expect({ seed, value, left }).toEqual({ seed, value: [20, 20], left: [] });
  }
});

describe('what may happen to a cluster', () => {
  test('a process that crashes is told to its owner once, and calls to it reject', async () => {
    await onQuiet(async (scene) => {
      const { told, near, far } = await counters(scene);
      const pending = far.increment.callOne(1);
      scene.world.crash(far);
      await expect(pending).rejects.toMatchObject({ code: 'ERR_MONARCH_MESH', kind: 'signal' });
      await scene.world.sleep(1_000);
      expect(told.map(({ message }) => message)).toEqual([expect.stringContaining('was killed by SIGKILL')]);
      expect(await near.increment.callOne(1)).toBe(1);
    });
  });

  test('of a machine that crashes nobody hears; it is lost by its silence', async () => {
    await onQuiet(async (scene) => {
      const { told, near } = await counters(scene);
      const beforeMs = scene.world.now;
      scene.world.crash(0);
      await expect(near.increment.callOne(1)).rejects.toMatchObject({ code: 'ERR_MONARCH_MESH', kind: 'unreachable' });
      expect(scene.world.now - beforeMs).toBeGreaterThan(QUIET.silenceMs);
      await scene.world.sleep(10_000);
      expect(told.map(({ mesh, points }) => [mesh, points[0]?.rank])).toEqual([['counters', 0]]);
      expect(scene.world.processes.filter((id) => id.startsWith('h1'))).toEqual([]);
    });
  });

  test('a partition that heals in time loses nothing; one that does not loses the machine on both sides', async () => {
    await onQuiet(async (scene) => {
      const { told, far } = await counters(scene);
      scene.world.partition(1);
      const pending = far.increment.callOne(1);
      await scene.world.sleep(QUIET.silenceMs / 2);
      scene.world.heal();
      expect(await pending).toBe(1);

      scene.world.partition(1);
      await expect(far.increment.callOne(1)).rejects.toMatchObject({ kind: 'unreachable' });
      await scene.world.sleep(10_000);
      expect(told).toHaveLength(1);
      expect(scene.world.processes.filter((id) => id.startsWith('h2'))).toEqual([]);
    });
  });

  test('a session outlives its connection: what is on its way when it is cut arrives once', async () => {
    const { counters: counted } = await onQuiet(async (scene) => {
      const { mesh, far } = await counters(scene);
      for (let i = 1; i <= 20; i++) {
        const pending = far.increment.callOne(1);
        scene.world.cut('0', mesh);
        expect(await pending).toBe(i);
      }
    });
    expect(counted.cuts).toBeGreaterThanOrEqual(20);
  });

  test('a paused process answers when it goes on', async () => {
    await onQuiet(async (scene) => {
      const { far } = await counters(scene);
      scene.world.pause(far);
      let isAnswered = false;
      const pending = far.increment.callOne(1).then(() => {
        isAnswered = true;
      });
      await scene.world.sleep(60_000);
      expect(isAnswered).toBe(false);
      scene.world.resume(far);
      await pending;
    });
  });

  test('a place is a rank of the hosts, a process or a mesh, and nothing else', async () => {
    await onQuiet(async (scene) => {
      const { mesh } = await counters(scene);
      expect(() => scene.world.crash({})).toThrow(RangeError);
      scene.world.crash('no process');
      expect(await mesh.increment.call(1)).toHaveLength(2);
    });
  });
});

describe('a simulation ends with an error that names its seed', () => {
  test('when it waits for what cannot happen: with the calls that wait', async () => {
    const stuck = simulate({ seed: 3, network: QUIET }, async (scene) => {
      const { far } = await counters(scene);
      scene.world.pause(far);
      await far.increment.callOne(1);
    });
    await expect(stuck).rejects.toThrow(SimulationError);
    await expect(stuck).rejects.toThrow(
      /seed 3 failed: nothing can happen any more.*process 0: counters\/1\.increment in process h2\.1.*process h2\.1 is paused/s,
    );
    await expect(simulate({ seed: 4 }, async () => await new Promise(() => {}))).rejects.toThrow(
      /seed 4 failed: nothing/,
    );
  });

  test('when the body throws: with what it threw, and all that happened before', async () => {
    const error = await simulate({ seed: 5 }, async ({ world }) => {
      world.note('about to fail');
      throw new TypeError('on purpose');
    }).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ seed: 5, code: 'ERR_MONARCH_SIMULATION', cause: new TypeError('on purpose') });
    expect(error).toHaveProperty('message', expect.stringMatching(/seed 5 failed: on purpose.*about to fail/s));
  });

  test('when a failure ends the program: with its report', async () => {
    const failing = simulate({ seed: 6, network: QUIET }, async ({ hosts, world }) => {
      const procs = await hosts.spawnProcs();
      const mesh = await procs.spawn('counters', Counter, 0);
      mesh.throws.broadcast('nobody handles this');
      await world.sleep(100_000);
    });
    await expect(failing).rejects.toThrow(/the program ended:.*nobody handles this/s);
  });

  test('when there is no end to it', async () => {
    const endless = simulate({ seed: 7, maxEvents: 500 }, async ({ world }) => {
      for (;;) await world.sleep(1);
    });
    await expect(endless).rejects.toThrow(/seed 7 failed: it is not over after 500 events/);
  });
});

test('time passes as fast as events come', async () => {
  const dayMs = 86_400_000;
  const { virtualMs } = await simulate({ seed: 1 }, async ({ world }) => await world.sleep(dayMs));
  expect(virtualMs).toBeGreaterThanOrEqual(dayMs);
});

test('a program that is simulated sees simulated time and chance', async () => {
  const drawn = async () =>
    await onQuiet(async ({ world }) => {
      const { clock, random } = surroundings();
      const before = clock.now();
      await new Promise<void>((resolve) => void clock.after(5_000, resolve));
      expect([clock.now() - before, clock.now()]).toEqual([5_000, world.now]);
      return [random(), random()];
    });
  expect((await drawn()).value).toEqual((await drawn()).value);
});

test('lines that the runtime prints in simulated processes come to the program', async () => {
  const { output } = await onQuiet(async ({ hosts }) => {
    await using procs = await hosts.spawnProcs({ name: 'desks' });
    await procs.slice({ hosts: 1 }).spawn('untidy', Untidy);
  });
  expect(output.join('\n')).toMatch(/\[desks\/1\] untidy\/0: cleanup failed: RangeError: the desk is a mess/);
});
