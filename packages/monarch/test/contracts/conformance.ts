import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  fold,
  type HostMesh,
  type MeshFailure,
  type OwnedMesh,
  type ProcMesh,
  thisHost,
  thisProc,
} from '../../src/index.ts';
import { Counter } from '../fixtures/counter.ts';
import { Alias, Colliding, Forwarder, Fragile, Parent, Recorder } from '../fixtures/probes.ts';
import { until } from '../fixtures/until.ts';

/** A file for actors of any process to write to; gone after the test. */
function scratchFile(): string {
  const directory = mkdtempSync(join(tmpdir(), 'monarch-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return join(directory, 'notes');
}

/** What a promise rejects with. */
async function caught(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    return await promise.then(() => undefined);
  } catch (error) {
    return error;
  }
}

/** What every mesh must do, whatever its actors run on: this process, others of this machine, or two attached machines. */
export function conformance(kind: 'inline' | 'process', attach?: () => Promise<HostMesh<'hosts'>>): void {
  describe(`a mesh of ${attach === undefined ? `kind ${kind}` : 'attached hosts'}`, () => {
    let attached: HostMesh<'hosts'> | undefined;
    let procs: ProcMesh<'replica' | 'shard'>;
    const failures: MeshFailure[] = [];
    const supervise = (failure: MeshFailure) => {
      failures.push(failure);
      return true;
    };
    beforeAll(async () => {
      attached = await attach?.();
      procs =
        attached === undefined
          ? await thisHost().spawnProcs({ kind, perHost: { replica: 2, shard: 2 }, supervise })
          : await attached.rename({ hosts: 'replica' }).spawnProcs({ perHost: { shard: 2 }, supervise });
    });
    afterAll(async () => {
      await procs.stop();
      await attached?.[Symbol.asyncDispose]();
    });
    /** A mesh that is stopped with the test. */
    const recorders = async (): Promise<OwnedMesh<Recorder, 'replica' | 'shard'>> => {
      const mesh = await procs.spawn('recorders', Recorder);
      onTestFinished(async () => await mesh.stop());
      return mesh;
    };

    test('a call reaches every actor and collects their values in rank order', async () => {
      await using counters = await procs.spawn('counters', Counter, 10);
      expect([...(await counters.increment.call(1)).values()]).toEqual([11, 11, 11, 11]);
      expect((await counters.increment.call(1)).item({ replica: 1, shard: 0 })).toBe(12);
    });

    test('an actor knows its place in the slice that was messaged', async () => {
      const mesh = await recorders();
      const column = mesh.slice({ shard: 1 });
      const places = await column.whoAmI.call();
      expect(places.extent.labels).toEqual(['replica']);
      expect([...places.values()].map(({ rank, point }) => [rank, point.at('replica'), String(point)])).toEqual([
        [0, 0, '{ replica: 0/2 }'],
        [1, 1, '{ replica: 1/2 }'],
      ]);
      const row = await mesh.slice({ replica: { from: 1 } }).whoAmI.call();
      expect(String(row.item({ replica: 0, shard: 1 }).point)).toBe('{ replica: 0/1, shard: 1/2 }');
    });

    test('a call on a slice touches only its actors', async () => {
      const mesh = await recorders();
      await mesh.slice({ replica: 1, shard: { from: 1 } }).note.call('here');
      expect([...(await mesh.seen.call()).values()]).toEqual([[], [], [], ['here']]);
    });

    test('a mesh under another shape has the same actors in the same order', async () => {
      const mesh = await recorders();
      const shaped = mesh.split({ replica: ['dp', 'pp'] }, { pp: 1 }).rename({ shard: 'tp' });
      expect(String(shaped)).toBe('recorders { dp: 2, pp: 1, tp: 2 }');
      await shaped.slice({ dp: 1, tp: 0 }).note.call('here');
      expect((await mesh.seen.call()).toArray()).toEqual([[], [], ['here'], []]);
      const places = await mesh.slice({ shard: 1 }).flatten('actor').whoAmI.call();
      expect(places.toArray().map(({ point }) => String(point))).toEqual(['{ actor: 0/2 }', '{ actor: 1/2 }']);
      await using spawned = await procs
        .flatten('proc')
        .slice({ proc: { from: 2 } })
        .spawn('late', Recorder);
      expect((await spawned.whoAmI.call()).item({ proc: 1 }).rank).toBe(1);
      expect((await spawned.pid.call()).toArray()).toEqual((await mesh.slice({ replica: 1 }).pid.call()).toArray());
    });

    test('spawning on a slice of processes puts actors on exactly those', async () => {
      await using mesh = await procs.slice({ replica: 1 }).spawn('half', Recorder);
      expect(mesh.extent.labels).toEqual(['shard']);
      expect(mesh.length).toBe(2);
      expect([...(await mesh.whoAmI.call()).values()].map(({ rank }) => rank)).toEqual([0, 1]);
      await expect(procs.slice({ replica: 1 }).stop()).rejects.toMatchObject({ code: 'ERR_MONARCH_OWNERSHIP' });
    });

    test('messages of one sender arrive in order, broadcasts included, and one runs at a time', async () => {
      const one = (await recorders()).slice({ replica: 0, shard: 0 });
      const expected: unknown[] = [];
      for (let i = 0; i < 30; i++) {
        if (i % 3 === 0) one.note.broadcast(i);
        else if (i % 3 === 1) void one.serial.callOne(i);
        else void one.note.call(i);
        expected.push(...(i % 3 === 1 ? [`begin ${i}`, `end ${i}`] : [i]));
      }
      expect(await one.seen.callOne()).toEqual(expected);
    });

    test('calls of a concurrent endpoint overlap, and do not block the serial ones', async () => {
      const one = (await recorders()).slice({ replica: 0, shard: 0 });
      const held = one.untilCancelled.call();
      const together = [1, 2, 3].map(() => one.together.callOne(3));
      await one.note.callOne('not blocked');
      await Promise.all(together);
      expect(await one.seen.callOne()).toEqual(['not blocked']);
      void held;
    });

    test('awaiting a call rejects with the first error in rank order; settled keeps every outcome', async () => {
      const mesh = await recorders();
      await expect(mesh.fail.call('broken')).rejects.toMatchObject({ code: 'ERR_MONARCH_ACTOR', point: { rank: 0 } });
      const outcomes = await mesh.fail.call('broken').settled();
      expect([...outcomes.values()].map(({ ok }) => ok)).toEqual([false, false, false, false]);
      await expect(mesh.fail.call('broken').failFast()).rejects.toThrow('broken');
      void mesh.fail.call('a dropped call causes no unhandled rejection');
      expect(await mesh.echo.call(1)).toHaveLength(4);
    });

    test('iterating a call yields every rank with its outcome', async () => {
      const mesh = await recorders();
      const ranks: number[] = [];
      for await (const { point, outcome } of mesh.echo.call('x')) {
        expect(outcome).toEqual({ ok: true, value: 'x' });
        ranks.push(point.rank);
      }
      expect(ranks.sort()).toEqual([0, 1, 2, 3]);
    });

    test('failFast cancels the other ranks', async () => {
      const mesh = await recorders();
      const controller = new AbortController();
      const calls = mesh.untilCancelled.with({ signal: controller.signal }).call().failFast();
      controller.abort(new Error('enough'));
      await expect(calls).rejects.toMatchObject({ code: 'ERR_MONARCH_ABORTED', name: 'AbortError' });
      await until(async () => [...(await mesh.seen.call()).values()].every((seen) => seen.length === 1));
    });

    test('a remote error keeps its name, code, fields, stack and cause', async () => {
      await using counters = await procs.spawn('counters', Counter, 0);
      const error = await counters
        .slice({ replica: 1, shard: 1 })
        .throws.callOne('odd')
        .then(
          () => undefined,
          (reason) => reason,
        );
      expect(error).toMatchObject({ code: 'ERR_MONARCH_ACTOR', actor: 'counters', endpoint: 'throws' });
      expect(error.point.at('replica')).toBe(1);
      expect(error.message).toBe('counters/3.throws failed: odd');
      expect(error.cause).toBeInstanceOf(TypeError);
      expect(error.cause).toMatchObject({ name: 'TypeError', message: 'odd', code: 'E_X', detail: [1, 2] });
      expect(error.cause.stack).toContain('fixtures/counter.ts');
      expect(error.cause.cause).toMatchObject({ name: 'Error', message: 'inner' });
    });

    test('callOne refuses a mesh of several, at run time too', async () => {
      const mesh = await recorders();
      // @ts-expect-error slice to one actor first
      await expect(mesh.seen.callOne()).rejects.toMatchObject({ code: 'ERR_MONARCH_EXTENT' });
    });

    test('choose takes the actor with the fewest pending calls, ties in turn', async () => {
      const mesh = await recorders();
      const controller = new AbortController();
      const busy = mesh.slice({ replica: 0 }).untilCancelled.with({ signal: controller.signal }).call();
      for (let i = 0; i < 10; i++) await mesh.note.choose(i);
      const counts = [...(await mesh.seen.call()).values()].map((seen) => seen.length);
      controller.abort();
      await busy.settled();
      expect(counts).toEqual([0, 0, 5, 5]);
    });

    test('choose runs exactly one actor a call, and reaches all, whatever the policy', async () => {
      const mesh = await recorders();
      const policies = [
        ...(['leastPending', 'roundRobin', 'random'] as const).map((policy) => () => policy),
        (i: number) => ({ key: `session ${i}` }),
      ];
      for (const policy of policies) {
        await Promise.all(Array.from({ length: 200 }, (_, i) => mesh.note.with({ choose: policy(i) }).choose(i)));
      }
      const seen = (await mesh.seen.call()).toArray();
      expect(seen.flat()).toHaveLength(4 * 200);
      expect(seen.every((notes) => notes.length > 4 * 25)).toBe(true);
    });

    test('choose by key stays with its actor', async () => {
      const mesh = await recorders();
      const calls = Array.from({ length: 20 }, () => mesh.whoAmI.with({ choose: { key: 'a session' } }).choose());
      expect(new Set((await Promise.all(calls)).map(({ rank }) => rank)).size).toBe(1);
    });

    test('an option that does not exist, or cannot be so, is refused', async () => {
      const { seen } = await recorders();
      const wrong: [object, RegExp][] = [
        [{ timeout: 5 }, /no option 'timeout'. It has timeoutMs, signal/],
        [{ signal: {} }, /AbortSignal/],
        [{ transfer: [new Float32Array(1)] }, /ArrayBuffers/],
        [{ choose: 'sticky' }, /choose is sticky. It must be one of leastPending/],
        [{ choose: { key: {} } }, /or \{ key \}/],
      ];
      for (const [options, message] of wrong) {
        expect(() => seen.with(options)).toThrow(expect.objectContaining({ code: 'ERR_MONARCH_OPTION' }));
        expect(() => seen.with(options)).toThrow(message);
      }
    });

    test('a method that is no endpoint says so, and what the endpoints are', async () => {
      await using counters = await procs.spawn('counters', Counter, 0);
      const call = (name: string) => Reflect.apply(Reflect.get(counters, name), counters, []);
      expect(() => call('hidden')).toThrow(
        'counters.hidden is a method of the actor, but no endpoint. Make it one, `readonly hidden = endpoint(…)`, ' +
          'or call one of: increment, load, count, throws, pid.',
      );
      expect('hidden' in counters).toBe(false);
      for (const name of ['then', 'toJSON', 'setup', 'constructor', 'context', 'module', 'notThere']) {
        expect(Reflect.get(counters, name)).toBeUndefined();
      }
      expect(Reflect.get(counters, Symbol.iterator)).toBeUndefined();
      expect(`${inspect(counters)} ${JSON.stringify(counters)}`).not.toContain('hidden');
      const column = counters.slice({ shard: 0 });
      expect(() => Reflect.apply(Reflect.get(column, 'hidden'), column, [])).toThrow(/no endpoint/);
    });

    test('an endpoint that is called without saying how says how', async () => {
      const mesh = await recorders();
      const call = (name: string) => Reflect.apply(Reflect.get(mesh, name), mesh, [1]);
      expect(() => call('note')).toThrow(
        'recorders.note cannot be called like this. Say how: note.call(…), note.callOne(…), note.choose(…), note.broadcast(…).',
      );
      expect(() => call('numbers')).toThrow(/Say how: numbers.stream\(…\)/);
      expect(() => Reflect.apply(Reflect.get(mesh.numbers, 'call'), mesh.numbers, [1])).toThrow(
        expect.objectContaining({ code: 'ERR_MONARCH_ENDPOINT' }),
      );
    });

    test.each([0, -1, Number.NaN])('a deadline of %d is refused', async (timeoutMs) => {
      const mesh = await recorders();
      expect(() => mesh.seen.with({ timeoutMs })).toThrow(RangeError);
      expect(await mesh.seen.with({ timeoutMs: Number.POSITIVE_INFINITY }).call()).toHaveLength(4);
    });

    test('a deadline rejects the call and cancels the endpoint', async () => {
      const one = (await recorders()).slice({ replica: 0, shard: 0 });
      await expect(one.untilCancelled.with({ timeoutMs: 10 }).callOne()).rejects.toMatchObject({
        code: 'ERR_MONARCH_TIMEOUT',
        name: 'TimeoutError',
        timeoutMs: 10,
      });
      await until(async () => (await one.seen.callOne()).length === 1);
      expect(String(await one.seen.callOne())).toContain('its deadline passed');
      await expect(one.briefly.callOne()).rejects.toMatchObject({ code: 'ERR_MONARCH_TIMEOUT', timeoutMs: 20 });
    });

    test('a call cancelled while it waits in the mailbox never runs', async () => {
      const one = (await recorders()).slice({ replica: 0, shard: 0 });
      const controller = new AbortController();
      const first = one.hold.callOne();
      const second = one.serial.with({ signal: controller.signal }).callOne(2);
      controller.abort();
      await expect(second).rejects.toMatchObject({ code: 'ERR_MONARCH_ABORTED' });
      await one.release.callOne();
      await first;
      expect(await one.seen.callOne()).toEqual([]);
    });

    test('a stream after a broadcast sees its effects, on every actor', async () => {
      await using counters = await procs.spawn('counters', Counter, 5);
      counters.increment.broadcast(3);
      const sum = await fold(
        counters.increment.call(0),
        0,
        (total, { outcome }) => total + (outcome.ok ? outcome.value : 0),
      );
      expect(sum).toBe(4 * 8);
      const items = await fold(counters.count.stream(3), [] as number[], (list, { point, value }) => [
        ...list,
        point.rank * 10 + value,
      ]);
      expect(items.sort((a, b) => a - b)).toEqual([0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32]);
    });

    test('waiting for answers may be given up and taken up again; they are the same each time', async () => {
      const one = (await recorders()).slice({ replica: 0, shard: 0 });
      const held = one.hold.call();
      const giveUp = Promise.race([held, Promise.resolve('enough')]);
      expect(await giveUp).toBe('enough');
      await one.release.callOne();
      const [first, second] = [await held, await held];
      expect([first.length, second.length]).toEqual([1, 1]);
      const failing = one.fail.call('once');
      const errors = [await caught(failing), await caught(failing), await caught(failing)];
      expect(new Set(errors).size).toBe(1);
      expect(errors[0]).toMatchObject({ code: 'ERR_MONARCH_ACTOR' });
    });

    test('actors of one mesh call those of another, rank by rank', async () => {
      await using forwarders = await procs.spawn('forwarders', Forwarder);
      await using counters = await procs.spawn('counters', Counter, 0);
      for (const { rank } of procs.extent.points()) {
        const at = { replica: rank >> 1, shard: rank & 1 };
        const other = { replica: 1 - at.replica, shard: 1 - at.shard };
        expect(await forwarders.slice(at).incrementIn.callOne({ list: [counters.slice(other)] }, rank)).toEqual([rank]);
      }
      expect((await counters.increment.call(0)).toArray()).toEqual([3, 2, 1, 0]);
    });

    test('a stream yields its items in order, from every actor', async () => {
      const mesh = await recorders();
      const seen: number[][] = [[], [], [], []];
      for await (const { point, value } of mesh.numbers.stream(50)) seen[point.rank]?.push(value);
      expect(seen).toEqual([0, 1, 2, 3].map(() => Array.from({ length: 50 }, (_, i) => i)));
    });

    test('a stream runs ahead of its consumer by no more than its credit, and ends when the consumer leaves', async () => {
      const one = (await recorders()).slice({ replica: 0, shard: 0 });
      for await (const { value } of one.numbers.stream(1_000_000)) if (value === 20) break;
      // `seen` shares the serial lane with the stream, so it runs after the generator has ended.
      const made = await one.seen.callOne();
      expect(made.at(-1)).toBe('stopped');
      expect(made.length).toBeLessThan(20 + 32);
    });

    test('an error in a stream comes after the items before it', async () => {
      const one = (await recorders()).slice({ replica: 0, shard: 0 });
      const seen: number[] = [];
      const consume = async () => {
        for await (const { value } of one.failingNumbers.stream()) seen.push(value);
      };
      await expect(consume()).rejects.toMatchObject({ endpoint: 'failingNumbers', cause: { name: 'RangeError' } });
      expect(seen).toEqual([1]);
    });

    test('what cannot be sent is refused before anything is, with its path', async () => {
      const mesh = await recorders();
      class Custom {}
      expect(() => mesh.echo.call({ list: [1, { f: () => 1 }] })).toThrow(/\[0\]\.list\[1\]\.f .*function/);
      expect(() => mesh.note.broadcast(new Custom())).toThrow(/class Custom/);
      await expect(mesh.slice({ replica: 0, shard: 0 }).echo.callOne(Symbol('x'))).rejects.toMatchObject({
        code: 'ERR_MONARCH_UNSENDABLE',
      });
      await expect(mesh.slice({ replica: 0, shard: 0 }).unsendable.callOne()).rejects.toMatchObject({
        code: 'ERR_MONARCH_ACTOR',
        cause: { code: 'ERR_MONARCH_UNSENDABLE' },
      });
      // Nobody gets what a broadcast returns.
      mesh.unsendable.broadcast();
      expect((await mesh.echo.call(1)).toArray()).toEqual([1, 1, 1, 1]);
    });

    test('values arrive as copies, also of large arrays, unless they are transferred', async () => {
      const mesh = await recorders();
      const data = new Float32Array(100_000).fill(1);
      const answers = [...(await mesh.overwrite.call(data)).values()];
      expect(answers.every((answer) => answer.length === 100_000 && answer.every((x) => x === 9))).toBe(true);
      expect(data.every((x) => x === 1)).toBe(true);
      const one = mesh.slice({ replica: 0, shard: 0 });
      expect(await one.overwrite.with({ transfer: [data.buffer] }).callOne(data)).toHaveLength(100_000);
      expect(data.byteLength).toBe(0);
    });

    test('structured values survive the way there and back', async () => {
      const one = (await recorders()).slice({ replica: 0, shard: 0 });
      const value = {
        map: new Map<unknown, unknown>([[1, new Set(['a', undefined])]]),
        when: new Date(1234567890123),
        big: 123456789012345678901234567890n,
        views: [new Float32Array([1.5, -0]), new BigInt64Array([-1n]), new Uint8Array(0)],
        buffer: new Uint8Array([1, 2, 3]).buffer,
        nothing: undefined,
        zero: -0,
      };
      expect(await one.echo.callOne(value)).toEqual(value);
    });

    test('a mesh may be sent, and works where it arrives', async () => {
      await using counters = await procs.spawn('counters', Counter, 0);
      await using forwarders = await procs.spawn('forwarders', Forwarder);
      const forwarder = forwarders.slice({ replica: 1, shard: 0 });
      const column = counters.slice({ replica: { to: 2 }, shard: 1 });
      expect(await forwarder.increment.callOne(column, 5)).toEqual([5, 5]);
      const list = [counters.slice({ replica: 0, shard: 0 }), counters.slice({ replica: 1, shard: 1 })];
      expect(await forwarder.incrementIn.callOne({ list }, 1)).toEqual([1, 6]);
      expect(await forwarder.count.callOne(counters.slice({ replica: 1, shard: 0 }), 40)).toHaveLength(40);
    });

    test('actors of the program itself can be called back from anywhere', async () => {
      await using here = await thisProc().spawn('here', Recorder);
      await using counters = await thisProc().spawn('counter', Counter, 100);
      await using forwarders = await procs.spawn('forwarders', Forwarder);
      expect(await here.pid.callOne()).toBe(process.pid);
      const answers = await forwarders.incrementIn.call({ list: [counters] }, 1);
      expect([...answers.values()].flat().sort()).toEqual([101, 102, 103, 104]);
    });

    test('a mesh in a result is usable by the caller', async () => {
      await using here =
        attached === undefined
          ? await thisHost().spawnProcs({ kind, perHost: { worker: 2 }, supervise })
          : await attached.rename({ hosts: 'worker' }).spawnProcs({ supervise });
      await using counters = await here.spawn('counters', Counter, 0);
      await using forwarders = await procs.spawn('forwarders', Forwarder);
      const answer = await forwarders.slice({ replica: 0, shard: 0 }).giveBack.callOne(counters);
      expect(await answer.counters.increment.callOne(3)).toBe(3);
      expect('stop' in answer.counters).toBe(false);
    });

    test('awaiting a handle gives the handle, and what is no endpoint is not there', async () => {
      const mesh = await recorders();
      expect(await mesh).toBe(mesh);
      expect(Reflect.get(mesh, 'hidden')).toBeUndefined();
      expect(Reflect.get(mesh, 'context')).toBeUndefined();
    });

    test('a result that is larger than a message may be rejects the call, with its size', async () => {
      const mesh = await recorders();
      await expect(mesh.slice({ replica: 0, shard: 0 }).huge.callOne()).rejects.toMatchObject({
        code: 'ERR_MONARCH_ACTOR',
        cause: { code: 'ERR_MONARCH_OVERSIZE', path: 'the top', bytes: 2 ** 32 },
      });
    });

    test('a constructor that throws rejects the spawn, naming actor and rank', async () => {
      await expect(procs.spawn('fragile', Fragile, 'constructor')).rejects.toMatchObject({
        code: 'ERR_MONARCH_ACTOR',
        actor: 'fragile',
        endpoint: 'constructor',
        message: 'fragile/0.constructor failed: cannot be constructed',
        cause: { name: 'RangeError' },
      });
    });

    test('a setup that throws rejects the spawn, and the others are cleaned up', async () => {
      const file = scratchFile();
      await expect(procs.spawn('fragile', Fragile, 'setup', file)).rejects.toMatchObject({
        endpoint: 'setup',
        point: { rank: 1 },
        cause: { message: 'cannot be set up' },
      });
      expect(readFileSync(file, 'utf8').split('\n').filter(Boolean).sort()).toEqual(['0', '1', '2', '3']);
    });

    test('a class that others could not find is refused before anything starts', async () => {
      class Local extends Counter {}
      await expect(procs.spawn('local', Local, 0)).rejects.toMatchObject({ code: 'ERR_MONARCH_CLASS' });
      await expect(procs.spawn('alias', Alias)).rejects.toThrow(/does not export it under its own name/);
      const Nowhere = Object.defineProperty(class Nowhere extends Recorder {}, 'module', { value: undefined });
      await expect(procs.spawn<Recorder, []>('nowhere', Nowhere)).rejects.toThrow(/import\.meta\.url/);
      await expect(procs.spawn('colliding', Colliding)).rejects.toMatchObject({
        code: 'ERR_MONARCH_CLASS',
        message: expect.stringContaining("'slice'"),
      });
    });

    test('after a stop calls reject with its reason, and cleanup ran once on each', async () => {
      const file = scratchFile();
      const mesh = await procs.spawn('stopped', Fragile, 'cleanup', file);
      const answered = mesh.ping.call();
      await Promise.all([mesh.stop('enough'), mesh.stop('again')]);
      expect([...(await answered).values()]).toEqual(['pong', 'pong', 'pong', 'pong']);
      await expect(mesh.ping.call()).rejects.toMatchObject({ code: 'ERR_MONARCH_MESH', kind: 'aborted' });
      await expect(mesh.ping.choose()).rejects.toThrow('enough');
      expect(readFileSync(file, 'utf8').split('\n').filter(Boolean)).toHaveLength(4);
    });

    test('stop aborts the signal of endpoints that run', async () => {
      const mesh = await procs.spawn('waiting', Recorder);
      const waiting = mesh.untilCancelled.call();
      await mesh.stop();
      expect(await waiting).toHaveLength(4);
    });

    test('a throw in a broadcast fails that actor alone, and its owner is told once', async () => {
      const mesh = await recorders();
      failures.length = 0;
      mesh.slice({ replica: 0, shard: 1 }).fail.broadcast('lost');
      await until(() => failures.length === 1);
      expect(failures[0]).toMatchObject({ mesh: 'recorders', kind: 'exception', points: [{ rank: 1 }] });
      expect(failures[0]?.message).toContain('lost');
      await expect(mesh.echo.call(1)).rejects.toMatchObject({ code: 'ERR_MONARCH_MESH', points: [{ rank: 1 }] });
      expect([...(await mesh.slice({ replica: 1 }).echo.call(1)).values()]).toEqual([1, 1]);
      for (let i = 0; i < 8; i++) expect(await mesh.echo.choose(i)).toBe(i);
      expect(failures).toHaveLength(1);
    });

    test('a failure that a pending call tells first is still told to the owner', async () => {
      const mesh = await recorders();
      failures.length = 0;
      const one = mesh.slice({ replica: 0, shard: 0 });
      const pending = one.untilCancelled.callOne();
      one.fail.broadcast('lost');
      await expect(pending).rejects.toMatchObject({ code: 'ERR_MONARCH_MESH', kind: 'exception' });
      await until(() => failures.length === 1);
      expect(failures[0]).toMatchObject({ mesh: 'recorders', points: [{ rank: 0 }] });
    });

    test('a mesh stopped while it is spawned leaves no actor', async () => {
      const file = scratchFile();
      const here = await (attached?.slice({ hosts: 1 }) ?? thisHost()).spawnProcs({ kind, supervise });
      const spawning = here.spawn('slow', Fragile, 'slow setup', file);
      await until(() => readFileSync(file, 'utf8').startsWith('set up'));
      const stopped = here.stop('early');
      await expect(spawning).rejects.toBeInstanceOf(Error);
      await stopped;
      expect(readFileSync(file, 'utf8')).toBe('set up\n0\n');
    });

    test('an actor that handles the failure of what it owns lives on', async () => {
      const file = scratchFile();
      await using parents = await procs.slice({ replica: 0, shard: 0 }).spawn('parents', Parent, file, true);
      const { children } = await parents.raise.callOne(kind);
      failures.length = 0;
      children.slice({ child: 1 }).burst.broadcast('bang');
      await until(() => readFileSync(file, 'utf8').includes('saw children 1 exception\n'));
      expect(await parents.pid.callOne()).toBeGreaterThan(0);
      expect(await children.slice({ child: 0 }).ping.callOne()).toBe('pong');
      expect(failures).toEqual([]);
    });

    test('a failure that an actor does not handle fails it, climbs to its owner, and stops what it owned', async () => {
      const file = scratchFile();
      await using parents = await procs.slice({ replica: 0, shard: 0 }).spawn('parents', Parent, file, false);
      const { children } = await parents.raise.callOne(kind);
      failures.length = 0;
      children.slice({ child: 0 }).burst.broadcast('bang');
      await until(() => failures.length === 1);
      expect(failures[0]).toMatchObject({ mesh: 'parents', kind: 'exception', chain: ['parents/0'] });
      expect(failures[0]?.message).toContain('bang');
      await expect(parents.pid.callOne()).rejects.toMatchObject({ code: 'ERR_MONARCH_MESH' });
      await until(() => readFileSync(file, 'utf8').endsWith('parent cleaned up\n'));
      await expect(children.slice({ child: 1 }).ping.callOne()).rejects.toMatchObject({ code: 'ERR_MONARCH_MESH' });
      expect(failures).toHaveLength(1);
    });

    test('stopping an owner stops what it owns first', async () => {
      const file = scratchFile();
      const parents = await procs.slice({ replica: 0, shard: 0 }).spawn('parents', Parent, file, false);
      await parents.raise.callOne(kind);
      await parents.raiseHere.callOne();
      await parents.stop();
      const notes = readFileSync(file, 'utf8').trim().split('\n');
      expect(notes.at(-1)).toBe('parent cleaned up');
      expect(notes.sort()).toEqual([
        ...['child 0 cleaned up', 'child 0 cleaned up', 'child 1 cleaned up'],
        'parent cleaned up',
      ]);
    });
  });
}
