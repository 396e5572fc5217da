import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  fold,
  merge,
  type OwnedMesh,
  openPort,
  type Port,
  type ProcMesh,
  type Receiver,
  thisHost,
} from '../../src/index.ts';
import { Sender } from '../fixtures/senders.ts';
import { until } from '../fixtures/until.ts';

interface Numbered {
  readonly rank: number;
  readonly i: number;
}

/** What a port does, whatever its senders run on. */
export function ports(kind: 'inline' | 'process'): void {
  describe(`a port with senders of kind ${kind}`, () => {
    let procs: ProcMesh<'sender'>;
    let senders: OwnedMesh<Sender, 'sender'>;
    beforeAll(async () => {
      procs = await thisHost().spawnProcs({ kind, perHost: { sender: 4 } });
      senders = await procs.spawn('senders', Sender);
    });
    afterAll(async () => await procs.stop());
    const one = () => senders.slice({ sender: 2 });
    function opened<T>(): Receiver<T> {
      const receiver = openPort<T>();
      onTestFinished(() => receiver.close());
      return receiver;
    }

    test('receives what one sends in order, however far it is ahead', async () => {
      const receiver = opened<Numbered>();
      const sent = one().count.callOne({ port: receiver.port }, 1_000);
      const seen: number[] = [];
      for await (const { i } of receiver.take(1_000)) seen.push(i);
      expect(seen).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
      expect(await sent).toBe(false);
    });

    test('receives what a mesh sends, in order for each sender', async () => {
      const receiver = opened<Numbered>();
      const sent = senders.count.call({ port: receiver.port }, 100);
      const seen: number[][] = [[], [], [], []];
      for await (const { rank, i } of receiver.take(400)) seen[rank]?.push(i);
      expect(seen).toEqual([0, 1, 2, 3].map(() => Array.from({ length: 100 }, (_, i) => i)));
      await sent;
    });

    test('is opened by an actor as well, and may be sent from anywhere to anywhere', async () => {
      expect(await one().collect.callOne(senders.slice({ sender: 0 }), 100)).toBe(4_950);
      const receiver = opened<number>();
      const { list } = await one().giveBack.callOne(receiver.port);
      await list[0]?.send(7);
      expect(await receiver.receive()).toBe(7);
    });

    test('receives an error in its place, and goes on', async () => {
      const receiver = opened<number>();
      await one().fail.callOne(receiver.port, 'odd');
      expect(await receiver.receive()).toBe(1);
      await expect(receiver.receive()).rejects.toMatchObject({ name: 'RangeError', message: 'odd', code: 'E_X' });
      expect(await receiver.receive()).toBe(2);
    });

    test('holds no more of one sender than its credit; who does not wait is refused', async () => {
      const receiver = opened<Uint8Array>();
      const sent = await one().flood.callOne(receiver.port, 10);
      expect(sent).toBe(64 + 1_024);
      let received = 0;
      for await (const data of receiver.take(sent)) received += data.length;
      expect(received).toBe(10 * sent);
      const large = await one().flood.callOne(opened<Uint8Array>().port, 6 * 2 ** 20);
      // 16 MiB ahead, and the first beyond 64 MiB that wait is refused.
      expect(large).toBe(2 + 11);
    });

    test('receives what is moved as what is copied; the sender has it no more', async () => {
      const receiver = opened<Uint8Array>();
      expect(await one().move.callOne(receiver.port, 100_000)).toEqual([100_000, 0]);
      for (let i = 0; i < 2; i++) {
        const data = await receiver.receive();
        expect([data.length, data.every((byte) => byte === 7)]).toEqual([100_000, true]);
      }
      expect(await one().moveWrongly.callOne(receiver.port)).toEqual(['transfer', 1]);
    });

    test('a wait that is given up takes nothing', async () => {
      const receiver = opened<number>();
      await expect(receiver.receive({ timeoutMs: 5 })).rejects.toMatchObject({
        code: 'ERR_MONARCH_PORT',
        kind: 'timeout',
      });
      const controller = new AbortController();
      const aborted = receiver.receive({ signal: controller.signal });
      const kept = receiver.receive();
      controller.abort(new RangeError('enough'));
      void receiver.port.send(1);
      void receiver.port.send(2);
      await expect(aborted).rejects.toThrow('enough');
      expect([await kept, await receiver.receive({ timeoutMs: 10_000 })]).toEqual([1, 2]);
      await expect(receiver.receive({ signal: AbortSignal.abort(new RangeError('before')) })).rejects.toThrow('before');
    });

    test('when it is closed receivers end, and senders learn it', async () => {
      const receiver = opened<number>();
      const sending = senders.sendForEver.call(receiver.port);
      const seen: number[] = [];
      for await (const i of receiver) {
        seen.push(i);
        if (seen.length === 500) receiver.close();
      }
      expect(seen).toHaveLength(500);
      expect((await sending).toArray()).toEqual(Array.from({ length: 4 }, () => 'the port is closed'));
      await expect(receiver.receive()).rejects.toMatchObject({ kind: 'closed' });
      await receiver.port.send(1);
      await until(() => receiver.port.isClosed);

      const other = opened<number>();
      const waiting = other.receive();
      const ended = (async () => {
        for await (const _ of other);
        return 'ended';
      })();
      other.close();
      await expect(waiting).rejects.toMatchObject({ kind: 'closed' });
      expect(await ended).toBe('ended');
    });

    test('is closed with the actor that opened it', async () => {
      const short = await procs.slice({ sender: 1 }).spawn('short', Sender);
      const port: Port<number> = await short.keep.callOne();
      await port.send(1);
      expect(port.isClosed).toBe(false);
      await short.stop();
      await port.send(2);
      await until(() => port.isClosed);
    });

    test('refuses what is no data, before anything is sent', async () => {
      const receiver = opened<unknown>();
      expect(() => receiver.port.send(() => 1)).toThrow(expect.objectContaining({ code: 'ERR_MONARCH_UNSENDABLE' }));
    });

    test('can be folded, and merged with others in order of arrival', async () => {
      const receivers = [opened<Numbered>(), opened<Numbered>()];
      const sent = receivers.map(({ port }, i) => senders.slice({ sender: i }).count.callOne({ port }, 50));
      const both = merge(receivers.map((receiver) => receiver.take(50)));
      expect(await fold(both, 0, (sum, { i }) => sum + i)).toBe(2 * 1_225);
      await Promise.all(sent);
    });
  });
}
