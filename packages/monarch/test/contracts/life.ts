import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  type MeshFailure,
  type OwnedMesh,
  type ProcMesh,
  type RestartPolicy,
  singleton,
  thisHost,
} from '../../src/index.ts';
import { Keeper, Mortal, type MortalOptions, Seeker } from '../fixtures/mortal.ts';
import { until } from '../fixtures/until.ts';

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

    describe('with a restart policy', () => {
      const restarting = async (restart: RestartPolicy, options: MortalOptions = {}) => {
        const mesh = await procs.with({ restart: { backoffMs: 1, ...restart } }).spawn('mortals', Mortal, options);
        onTestFinished(async () => await mesh.stop());
        failures.length = 0;
        return mesh;
      };

      test('an actor that fails is made anew with its arguments, and handles keep working', async () => {
        const mesh = await restarting({}, { seen: ['first'] });
        await mesh.note.call('second');
        const one = mesh.slice({ worker: 1 });
        one.throws.broadcast('lost');
        await until(() => failures.length === 1);
        expect(await one.seen.callOne()).toEqual(['first']);
        expect([...(await mesh.generation.call()).values()]).toEqual([0, 1]);
        expect(await mesh.slice({ worker: 0 }).seen.callOne()).toEqual(['first', 'second']);
        expect(failures).toMatchObject([{ kind: 'exception', points: [{ rank: 1 }], restarting: true, generation: 0 }]);
      });

      test('calls pending at a failure reject with it; what is sent later waits, in its order', async () => {
        const one = (await restarting({ backoffMs: 30 })).slice({ worker: 0 });
        const [hanging, held] = [one.hang.callOne(), one.hold.callOne()];
        one.abort.broadcast('enough');
        const outcomes = await Promise.allSettled([hanging, held]);
        const reason = { code: 'ERR_MONARCH_MESH', kind: 'aborted', restarting: true, generation: 0 };
        expect(outcomes).toMatchObject([{ reason }, { reason }]);
        one.note.broadcast(1);
        const [noted, seen] = [one.note.callOne(2), one.seen.callOne()];
        await noted;
        expect(await seen).toEqual([1, 2]);
      });

      test('a deadline passes while a call waits for a restart', async () => {
        const one = (await restarting({ backoffMs: 60_000, maxBackoffMs: 60_000 })).slice({ worker: 0 });
        one.throws.broadcast('lost');
        await until(() => failures.length === 1);
        await expect(one.ping.with({ timeoutMs: 20 }).callOne()).rejects.toMatchObject({ code: 'ERR_MONARCH_TIMEOUT' });
      });

      test('the failure after the last restart is final: what waits rejects, and it is told as such', async () => {
        const one = (await restarting({ max: 2 })).slice({ worker: 1 });
        for (let generation = 0; generation < 2; generation++) {
          expect(await one.generation.callOne()).toBe(generation);
          one.throws.broadcast('again');
          await until(() => failures.length === generation + 1);
        }
        expect(await one.generation.callOne()).toBe(2);
        one.throws.broadcast('the last time');
        await until(() => failures.length === 3);
        const final = { kind: 'exception', restarting: false, generation: 2 };
        await expect(one.ping.callOne()).rejects.toMatchObject(final);
        await expect(one.ping.callOne()).rejects.toMatchObject(final);
        expect(failures.map(({ restarting }) => restarting)).toEqual([true, true, false]);
      });

      test('a setup that throws in a restart is a failure that counts, of kind setup', async () => {
        const one = (await restarting({}, { failsSetupOf: 1 })).slice({ worker: 0 });
        one.throws.broadcast('lost');
        await until(() => failures.length === 2);
        expect(await one.generation.callOne()).toBe(2);
        expect(failures).toMatchObject([
          { kind: 'exception', generation: 0, restarting: true },
          { kind: 'setup', generation: 1, restarting: true, cause: { cause: { name: 'RangeError' } } },
        ]);
        const last = (await restarting({ max: 1 }, { failsSetupOf: 1 })).slice({ worker: 0 });
        last.throws.broadcast('lost');
        await until(() => failures.length === 2);
        await expect(last.ping.callOne()).rejects.toMatchObject({ kind: 'setup', restarting: false });
      });

      test('an actor that stops itself is not restarted', async () => {
        const one = (await restarting({})).slice({ worker: 0 });
        await one.stopSelf.callOne('done');
        await expect(one.ping.callOne()).rejects.toThrow('was stopped: done');
        expect(failures).toEqual([]);
      });

      test('stopping a mesh ends the wait for a restart, and what waits rejects', async () => {
        const mesh = await restarting({ backoffMs: 60_000, maxBackoffMs: 60_000 });
        const one = mesh.slice({ worker: 0 });
        one.throws.broadcast('lost');
        await until(() => failures.length === 1);
        const waiting = one.ping.callOne();
        const refused = expect(waiting).rejects.toMatchObject({
          kind: 'aborted',
          message: expect.stringContaining('enough'),
        });
        await mesh.stop('enough');
        await refused;
      });

      test('a reference that was sent finds the actor after its restart', async () => {
        const mesh = await restarting({}, { seen: ['kept'] });
        await using keepers = await procs.spawn('keepers', Keeper);
        const keeper = keepers.slice({ worker: 0 });
        const one = mesh.slice({ worker: 1 });
        await keeper.keep.callOne(one);
        one.throws.broadcast('lost');
        await until(() => failures.length === 1);
        expect(await keeper.kept.callOne()).toEqual([['kept'], 1]);
      });

      test.each([{ max: -1 }, { withinMs: 0 }, { backoffMs: Number.NaN }])('a policy of %o is refused', (restart) => {
        expect(() => procs.with({ restart })).toThrow(RangeError);
      });
    });

    test('a singleton is one for the program, made by the first who asks, wherever that is', async () => {
      await using seekers = await procs.spawn('seekers', Seeker);
      const pids = [...(await seekers.note.call(`one ${kind}`, 'noted')).values()];
      expect(pids).toEqual([process.pid, process.pid]);
      const mortal = await singleton(`one ${kind}`, Mortal, { seen: ['too late'] });
      expect(await mortal.seen.callOne()).toEqual(['begun', 'noted', 'noted']);
      expect(Reflect.get(mortal, 'stop')).toBeUndefined();
    });

    test('a singleton that fails leaves the others alive, and the next call makes it anew', async () => {
      const [first, second] = [await singleton(`a ${kind}`, Mortal), await singleton(`b ${kind}`, Mortal)];
      await first.note.callOne('lost with it');
      first.throws.broadcast('broken');
      await until(async () => (await first.ping.callOne().catch(() => 'failed')) === 'failed');
      expect(await second.ping.callOne()).toBe('pong');
      await until(async () => (await (await singleton(`a ${kind}`, Mortal)).seen.callOne()).length === 0);
      await expect(singleton(`c ${kind}`, Mortal, { failsSetupOf: 0 })).rejects.toMatchObject({ endpoint: 'setup' });
      expect(await (await singleton(`c ${kind}`, Mortal)).ping.callOne()).toBe('pong');
    });
  });
}
