import { tensor } from '@forge/tensor';
import { describe, expect, test } from 'vitest';
import { openSession, RunArgumentError, SessionDisposedError } from '../../src/index.ts';
import { floats, increment, runtimes, useSession } from './sessions.ts';

describe.each(runtimes)('a session over the %s', (runtime) => {
  const session = useSession(runtime);

  test('a bound run reads its feeds anew each time, and writes its fetches in place', async () => {
    const x = tensor('float32', [2, 2]);
    const y = tensor('float32', [2, 2]);
    using bound = session().bind({ x }, { y });
    for (let round = 0; round < 3; round += 1) {
      x.data.fill(round);
      await bound.run();
      expect(y).toEqual(floats([2, 2], ...Array<number>(4).fill(round + 1)));
    }
  });

  test('bound runs of one session go on side by side, one after the other each', async () => {
    const runs = Array.from({ length: 20 }, async (_, rows) => {
      const x = tensor('float32', [rows, 2]);
      using bound = session().bind({ x }, { y: x });
      for (let round = 0; round < 20; round += 1) await bound.run();
      return x.data;
    });
    for (const [rows, data] of (await Promise.all(runs)).entries()) {
      expect(data).toEqual(new Float32Array(2 * rows).fill(20));
    }
  });

  test('a bound run that is under way is not begun again, and may be disposed', async () => {
    const x = tensor('float32', [2, 2]);
    const bound = session().bind({ x }, { y: x });
    const running = bound.run();
    await expect(bound.run()).rejects.toThrow('A bound run is still under way.');
    bound[Symbol.dispose]();
    await running;
    expect(x.data).toEqual(Float32Array.of(1, 1, 1, 1));
    await expect(bound.run()).rejects.toThrow(SessionDisposedError);
    bound[Symbol.dispose]();
  });

  test('a bound run that was aborted before is not begun', async () => {
    const x = tensor('float32', [2, 2]);
    using bound = session().bind({ x }, { y: x });
    await expect(bound.run({ signal: AbortSignal.abort(new RangeError('no')) })).rejects.toThrow('no');
    expect(x.data).toEqual(new Float32Array(4));
  });

  test.runIf(runtime === 'c-api')('a blocking run gives the same, and is refused as others are', async () => {
    const x = floats([2, 2], 1, 2, 3, 4);
    const y = tensor('float32', [2, 2]);
    const bound = session().bind({ x }, { y });
    bound.runBlocking?.();
    expect(y).toEqual(floats([2, 2], 2, 3, 4, 5));
    const running = bound.run();
    expect(bound.runBlocking).toThrow('A bound run is still under way.');
    await running;
    bound[Symbol.dispose]();
    expect(bound.runBlocking).toThrow(SessionDisposedError);
  });

  test.runIf(runtime === 'binding')('the binding has no blocking run', () => {
    const x = tensor('float32', [2, 2]);
    using bound = session().bind({ x }, { y: x });
    expect(bound.runBlocking).toBeUndefined();
  });

  test('bound tensors must fit, and keep their memory', async () => {
    const x = tensor('float32', [2, 2]);
    expect(() => session().bind({ x }, { y: tensor('float32', [3, 2]) })).toThrow(RunArgumentError);
    using bound = session().bind({ x }, { y: tensor('float32', [2, 2]) });
    structuredClone(x.data, { transfer: [x.data.buffer as ArrayBuffer] }); // as `tensor` allocates it
    await expect(bound.run()).rejects.toMatchObject({ tensor: 'x', problem: 'memory' });
  });

  test('the disposal of a session ends its bound runs', async () => {
    const other = await openSession(increment(), { runtime });
    const x = tensor('float32', [2, 2]);
    const bound = other.bind({ x }, { y: x });
    const running = bound.run();
    await other[Symbol.asyncDispose]();
    await running;
    await expect(bound.run()).rejects.toThrow(SessionDisposedError);
    expect(() => other.bind({ x }, { y: x })).toThrow(SessionDisposedError);
  });
});
