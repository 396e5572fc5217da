import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type ActorMesh, type MeshFailure, type OwnedMesh, type ProcMesh, thisHost } from '../../src/index.ts';
import { Caller, Checked, Narrow, Recorder, Relay } from '../fixtures/probes.ts';
import { until } from '../fixtures/until.ts';

/** What a call does for its caller, whatever the actors run on. */
export function calling(kind: 'inline' | 'process'): void {
  describe(`a call between actors of kind ${kind}`, () => {
    let procs: ProcMesh<'actor'>;
    let failures: MeshFailure[];
    beforeAll(async () => {
      const supervise = (failure: MeshFailure) => failures.push(failure) > 0;
      procs = await thisHost().spawnProcs({ kind, perHost: { actor: 2 }, supervise });
    });
    afterAll(async () => await procs.stop());

    /** Two callers and a recorder, stopped with the test. */
    async function cast() {
      failures = [];
      const owned = <T extends OwnedMesh<unknown, never> | OwnedMesh<unknown, 'actor'>>(mesh: T): T => {
        onTestFinished(async () => await mesh.stop());
        return mesh;
      };
      const callers = owned(await procs.spawn('callers', Caller));
      const recorder: ActorMesh<Recorder, never> = owned(await procs.slice({ actor: 1 }).spawn('recorder', Recorder));
      return { caller: callers.slice({ actor: 0 }), next: callers.slice({ actor: 1 }), recorder };
    }

    test('of an actor to its own serial lane is refused instead of waiting for ever', async () => {
      const { caller, next } = await cast();
      await expect(caller.callSelf.callOne(caller, 'ping')).rejects.toMatchObject({
        code: 'ERR_MONARCH_ACTOR',
        cause: { code: 'ERR_MONARCH_SELF_CALL', actor: 'callers/0', endpoint: 'ping' },
      });
      await expect(caller.streamSelf.callOne(caller)).rejects.toMatchObject({
        cause: { code: 'ERR_MONARCH_SELF_CALL' },
      });
      expect(await caller.callSelf.callOne(caller, 'beside')).toBe('pong');
      expect(await caller.callSelfBeside.callOne(caller)).toBe('pong');
      expect(await caller.callSelf.callOne(next, 'ping')).toBe('pong');
      await caller.broadcastSelf.callOne(caller);
      await until(async () => (await caller.notes.callOne()).includes('from myself'));
    });

    test('that comes back to the lane of who began it waits until the deadline, and they live on', async () => {
      const { caller, next } = await cast();
      await using relays = await procs.slice({ actor: 1 }).spawn('relay', Relay);
      const relay: ActorMesh<Relay, never> = relays;
      expect(await caller.callThrough.callOne(relay, next)).toBe('pong');
      await expect(caller.callThrough.with({ timeoutMs: 50 }).callOne(relay, caller)).rejects.toMatchObject({
        code: 'ERR_MONARCH_TIMEOUT',
      });
      expect(await caller.callThrough.callOne(relay, next)).toBe('pong');
    });

    test('made for a message is cancelled with it, through several actors', async () => {
      const { caller, next, recorder } = await cast();
      const controller = new AbortController();
      const call = caller.waitThrough.with({ signal: controller.signal }).callOne(next, recorder);
      await until(async () => (await recorder.waiting.callOne()) === 1);
      controller.abort();
      await expect(call).rejects.toMatchObject({ code: 'ERR_MONARCH_ABORTED' });
      await until(async () => (await recorder.seen.callOne()).includes('undone'));
      expect(await next.notes.callOne()).toEqual([
        expect.stringContaining('ERR_MONARCH_ABORTED: The call of this actor.wait'),
      ]);
      expect(String((await recorder.seen.callOne())[0])).toContain('the caller cancelled it');
    });

    test('made for a message has no more time than the message', async () => {
      const { caller, next, recorder } = await cast();
      await expect(caller.waitThrough.with({ timeoutMs: 50 }).callOne(next, recorder)).rejects.toMatchObject({
        code: 'ERR_MONARCH_TIMEOUT',
      });
      await until(async () => (await recorder.seen.callOne()).includes('undone'));
      expect(await next.notes.callOne()).toHaveLength(1);
    });

    test('that consumes a stream for a message ends the stream with it', async () => {
      const { caller, recorder } = await cast();
      await expect(caller.consume.with({ timeoutMs: 50 }).callOne(recorder)).rejects.toMatchObject({
        code: 'ERR_MONARCH_TIMEOUT',
      });
      await until(async () => (await caller.notes.callOne()).includes('AbortError'));
      // It shares the serial lane with the stream.
      expect((await recorder.seen.callOne()).at(-1)).toBe('stopped');
    });

    test('that goes on after the answer is cut neither by the deadline nor by the caller', async () => {
      const { caller, recorder } = await cast();
      const controller = new AbortController();
      await caller.goOn.with({ timeoutMs: 30, signal: controller.signal }).callOne(recorder);
      controller.abort();
      await expect(recorder.untilCancelled.with({ timeoutMs: 60 }).callOne()).rejects.toMatchObject({ timeoutMs: 60 });
      await recorder.release.callOne();
      await caller.background.callOne();
      expect(await caller.notes.callOne()).toEqual(['held to the end']);
    });

    test('of detached work outlives the message that started it', async () => {
      const { caller, recorder } = await cast();
      await expect(caller.batch.with({ timeoutMs: 30 }).callOne(recorder)).rejects.toMatchObject({
        code: 'ERR_MONARCH_TIMEOUT',
      });
      await recorder.release.callOne();
      await caller.background.callOne();
      expect(await caller.notes.callOne()).toEqual(['batch done']);
    });

    test('beyond what the mailbox holds is refused by count and by bytes, and the actor goes on', async () => {
      await cast();
      await using narrow = await procs.slice({ actor: 0 }).spawn('narrow', Narrow);
      const small = new Uint8Array(10);
      const held = narrow.hold.callOne();
      const waiting = [1, 2, 3].map(() => narrow.take.callOne(small));
      await expect(narrow.take.callOne(small)).rejects.toMatchObject({
        code: 'ERR_MONARCH_OVERFLOW',
        actor: 'narrow/0',
        messages: 3,
      });
      await narrow.release.callOne();
      await Promise.all([held, ...waiting]);
      await narrow.take.callOne(small);
      expect(await narrow.seen.callOne()).toBe(4);

      await using other = await procs.slice({ actor: 0 }).spawn('other', Narrow);
      const again = other.hold.callOne();
      const large = new Uint8Array(600_000);
      const first = other.take.callOne(large);
      await expect(other.take.callOne(large)).rejects.toMatchObject({ code: 'ERR_MONARCH_OVERFLOW', messages: 1 });
      await other.release.callOne();
      await Promise.all([again, first]);
      expect(failures).toEqual([]);
    });

    test('that is a broadcast beyond what the mailbox holds fails the actor: its owner is told', async () => {
      await cast();
      await using narrow = await procs.slice({ actor: 0 }).spawn('narrow', Narrow);
      const held = narrow.hold.callOne().catch((error) => error);
      for (let i = 0; i < 4; i++) narrow.take.broadcast(new Uint8Array(1));
      expect(await held).toMatchObject({ code: 'ERR_MONARCH_MESH', kind: 'overflow' });
      await until(() => failures.length > 0);
      expect(failures[0]?.message).toMatch(/narrow\/0 failed: lost a broadcast of 'take': .* takes no more messages/);
    });

    test('with arguments that a schema refuses rejects with the issues, and nothing runs', async () => {
      await cast();
      await using checked = await procs.slice({ actor: 0 }).spawn('checked', Checked);
      expect(await checked.add.callOne(1, undefined)).toBe(2);
      expect(await checked.configure.callOne({ name: ' a ', layers: [{ size: 3 }] })).toEqual({
        name: 'a',
        sizes: [3],
      });
      expect(await checked.known.callOne('forge')).toBe(5);

      const wrong = JSON.parse('{ "name": "a", "layers": [{ "size": 1 }, { "size": 0.5 }] }');
      await expect(checked.configure.callOne(wrong)).rejects.toMatchObject({
        code: 'ERR_MONARCH_ARGUMENT',
        actor: 'checked/0',
        endpoint: 'configure',
        issues: [{ path: [0, 'layers', 1, 'size'], message: expect.any(String) }],
        message: expect.stringContaining('[0].layers[1].size: '),
      });
      await expect(checked.known.callOne('other')).rejects.toMatchObject({
        issues: [{ path: [0], message: 'unknown name' }],
      });
      const twice: unknown[] = ['1', '2'];
      await expect(Reflect.apply(checked.add.callOne, checked.add, twice)).rejects.toMatchObject({
        issues: [{ path: [0] }, { path: [1] }],
      });
      await expect(Reflect.apply(checked.add.callOne, checked.add, [1, 2, 3])).rejects.toThrow(
        /3 arguments, and only 2/,
      );
      expect(await checked.calls.callOne()).toBe(1);

      const items = [];
      for await (const { value } of checked.upTo.stream(2)) items.push(value);
      expect(items).toEqual([0, 1, 2]);
      await expect(checked.upTo.stream(11)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
        code: 'ERR_MONARCH_ARGUMENT',
      });
    });

    test('of an own method checks its arguments as well', async () => {
      await cast();
      await using checked = await procs.slice({ actor: 0 }).spawn('checked', Checked);
      expect(await checked.addHere.callOne(4)).toBe(5);
      await expect(Reflect.apply(checked.addHere.callOne, checked.addHere, ['4'])).rejects.toMatchObject({
        cause: { code: 'ERR_MONARCH_ARGUMENT' },
      });
    });

    test('that is a broadcast which a schema refuses is dropped, and the actor lives', async () => {
      await cast();
      await using checked = await procs.slice({ actor: 0 }).spawn('checked', Checked);
      Reflect.apply(checked.add.broadcast, checked.add, ['1', '2']);
      checked.add.broadcast(1, 2);
      expect(await checked.calls.callOne()).toBe(1);
      expect(failures).toEqual([]);
    });
  });
}
