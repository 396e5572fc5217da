import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type ActorMesh, type OwnedMesh, type ProcMesh, thisHost } from '../../src/index.ts';
import { Borrower } from '../fixtures/borrower.ts';
import { Counter } from '../fixtures/counter.ts';

/** What may be sent although it is no data, whatever it runs on. */
export function references(kind: 'inline' | 'process'): void {
  describe(`a reference between actors of kind ${kind}`, () => {
    let procs: ProcMesh<'proc'>;
    let home: ProcMesh<'borrower'>;
    let borrowers: OwnedMesh<Borrower, 'borrower'>;
    beforeAll(async () => {
      procs = await thisHost().spawnProcs({ kind, perHost: { proc: 2 }, name: 'lent' });
      home = await thisHost().spawnProcs({ kind, perHost: { borrower: 2 } });
      borrowers = await home.spawn('borrowers', Borrower);
    });
    afterAll(async () => {
      await home.stop();
      await procs.stop();
    });
    const one = (): ActorMesh<Borrower, never> => borrowers.slice({ borrower: 0 });

    test('to processes spawns on them, and who spawned owns what it spawned', async () => {
      await using here = await procs.spawn('here', Counter, 0);
      const pids = (await here.pid.call()).toArray();
      const short = await home.slice({ borrower: 1 }).spawn('short', Borrower);
      const counters = await short.spawnOn.callOne(procs);
      expect((await counters.pid.call()).toArray()).toEqual(pids);
      expect((await counters.increment.call(5)).item({ proc: 1 })).toBe(15);
      expect('stop' in counters).toBe(false);
      expect(await short.count.callOne()).toEqual([16, 16]);
      await short.stop();
      await expect(counters.increment.call(1)).rejects.toMatchObject({ code: 'ERR_MONARCH_MESH' });
      expect((await here.increment.call(1)).toArray()).toEqual([1, 1]);
    });

    test('to processes cannot stop them or read their lines', async () => {
      await expect(one().stopThem.callOne(procs)).rejects.toMatchObject({
        cause: { code: 'ERR_MONARCH_OWNERSHIP', message: expect.stringContaining('is a reference instead of owned') },
      });
      await expect(one().readThem.callOne(procs)).rejects.toMatchObject({ cause: { code: 'ERR_MONARCH_OWNERSHIP' } });
    });

    test('to processes may be passed on, in any shape', async () => {
      const { whole, first } = await one().passOn.callOne(procs.rename({ proc: 'p' }).rename({ p: 'proc' }));
      expect([whole.extent.labels, whole.length, first.length]).toEqual([['proc'], 2, 1]);
      await using counters = await whole.flatten('all').spawn('counters', Counter, 0);
      await using single = await first.spawn('single', Counter, 0);
      expect(await single.pid.callOne()).toBe((await counters.pid.call()).get(0));
    });

    test('to a machine starts processes on it, for whoever starts them', async () => {
      const short = await home.slice({ borrower: 1 }).spawn('short', Borrower);
      const pids = await short.startOn.callOne(thisHost(), kind);
      expect(new Set(pids).size).toBe(kind === 'inline' ? 1 : 2);
      await short.stop();
      if (kind === 'process') for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
    });

    test('to actors arrives as a promise while they are still spawning', async () => {
      const spawning = procs.spawn('spawning', Counter, 40);
      onTestFinished(async () => await (await spawning).stop());
      expect(await one().late.callOne(spawning, 2)).toEqual({ sums: [42, 42], isOwned: false });
      // Also when they are there, and again.
      expect(await one().late.callOne(spawning, 1)).toEqual({ sums: [43, 43], isOwned: false });
      expect(await one().passLate.callOne(borrowers.slice({ borrower: 1 }), spawning)).toEqual({
        sums: [44, 44],
        isOwned: false,
      });
    });

    test('to processes arrives as a promise while they are still started', async () => {
      const starting = thisHost().spawnProcs({ kind, perHost: { proc: 2 } });
      onTestFinished(async () => await (await starting).stop());
      expect(await one().lateProcs.callOne({ procs: starting })).toEqual([6, 6]);
    });

    test('in a result arrives as a promise, which the owner keeps or breaks', async () => {
      const { counters } = await one().giveLate.callOne(procs);
      expect((await (await counters).increment.call(1)).toArray()).toEqual([101, 101]);
      const [failing] = await one().giveFailing.callOne(procs);
      await expect(failing).rejects.toMatchObject({
        code: 'ERR_MONARCH_ACTOR',
        message: 'fragile/0.constructor failed: cannot be constructed',
      });
    });

    test('is the only promise that may be sent', async () => {
      await expect(one().late.callOne(new Promise<never>(() => {}), 1)).rejects.toThrow(
        /it is a promise. Await it first/,
      );
    });
  });
}
