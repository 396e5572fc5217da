import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type MeshFailure, type OwnedMesh, type ProcMesh, thisHost } from '../src/index.ts';
import { Mortal } from './fixtures/mortal.ts';
import { until } from './fixtures/until.ts';

/** How actors end and begin again, whatever they run on. */
export function life(kind: 'inline' | 'process'): void {
  describe(`the life of actors of kind ${kind}`, () => {
    let procs: ProcMesh<'worker'>;
    const failures: MeshFailure[] = [];
    const supervise = (failure: MeshFailure) => {
      failures.push(failure);
      return true;
    };
    beforeAll(async () => {
      procs = await thisHost().spawnProcs({ kind, perHost: { worker: 2 }, supervise });
    });
    afterAll(async () => {
      await procs.stop();
    });
    /** A mesh that is stopped with the test; no failure was told yet. */
    const mortals = async (): Promise<OwnedMesh<Mortal, 'worker'>> => {
      const mesh = await procs.spawn('mortals', Mortal);
      onTestFinished(async () => await mesh.stop());
      failures.length = 0;
      return mesh;
    };

    test('an actor that aborts fails with its reason, alone, and its owner is told once', async () => {
      const mesh = await mortals();
      const one = mesh.slice({ worker: 1 });
      const hanging = one.hang.callOne();
      const calls = [one.hold.callOne(), one.seen.callOne(), hanging, one.abort.callOne('enough of this')];
      const outcomes = await Promise.allSettled(calls);
      const failure = { code: 'ERR_MONARCH_MESH', kind: 'aborted', message: 'mortals/1 aborted: enough of this' };
      expect(outcomes).toMatchObject(outcomes.map(() => ({ status: 'rejected', reason: failure })));
      await expect(one.ping.callOne()).rejects.toMatchObject(failure);
      expect(await mesh.slice({ worker: 0 }).ping.callOne()).toBe('pong');
      await until(() => failures.length === 1);
      expect(failures[0]).toMatchObject({ mesh: 'mortals', kind: 'aborted', points: [{ rank: 1 }] });
    });

    test('an actor that aborts in its setup rejects the spawn, and nobody else is told', async () => {
      failures.length = 0;
      await expect(procs.spawn('early', Mortal, { abortsInSetup: true })).rejects.toThrow('not today');
      expect(failures).toEqual([]);
    });

    test('an actor that stops itself handles what it has, then answers no more, and that is no failure', async () => {
      const mesh = await mortals();
      const one = mesh.slice({ worker: 0 });
      const held = one.hold.callOne();
      const waiting = one.seen.callOne();
      one.note.broadcast('held');
      expect(await one.stopSelf.callOne('tired')).toBe('stopping');
      expect([await held, await waiting]).toEqual(['held', []]);
      await expect(one.ping.callOne()).rejects.toMatchObject({
        kind: 'aborted',
        message: 'mortals/0 was stopped: tired',
      });
      expect(await mesh.slice({ worker: 1 }).ping.callOne()).toBe('pong');
      expect(failures).toEqual([]);
    });
  });
}
