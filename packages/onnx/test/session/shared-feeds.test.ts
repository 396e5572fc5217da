import { type Tensor, tensor } from '@forge/tensor';
import { describe, expect, test } from 'vitest';
import {
  graph,
  input,
  mul,
  openSession,
  RunArgumentError,
  type Runtime,
  SessionDisposedError,
} from '../../src/index.ts';

const floats = (shape: readonly number[], ...values: number[]): Tensor<'float32'> =>
  tensor('float32', shape, Float32Array.from(values));

describe.each<Runtime>(['c-api', 'binding'])('shared feeds over the %s', (runtime) => {
  const rows = input('x', 'float32', ['rows', 2]);
  const scaled = graph({ y: mul(rows, input('w', 'float32', [2])) });
  const w = (first: number, second: number) => ({ w: floats([2], first, second) });

  test('are read by all runs that were bound with them, and exchanged for all', async () => {
    await using other = await openSession(scaled, { runtime });
    using shared = other.shareFeeds(w(1, 2));
    const runs = [1, 3].map((count) => {
      const x = tensor('float32', [count, 2], new Float32Array(2 * count).fill(1));
      const y = tensor('float32', [count, 2]);
      return { y, bound: other.bind({ x }, { y }, shared) };
    });
    for (const [first, second] of [
      [1, 2],
      [3, 4],
      [5, 6],
    ] as const) {
      if (first > 1) shared.exchange(w(first, second));
      for (const { y, bound } of runs) {
        y.data.fill(0);
        await bound.run();
        expect([...y.data.slice(-2)]).toEqual([first, second]);
        y.data.fill(0);
        bound.runBlocking?.();
        if (runtime === 'c-api') expect([...y.data.slice(-2)]).toEqual([first, second]);
      }
    }
  });

  test('must fit, once they are shared and when they are exchanged, and nothing has changed otherwise', async () => {
    await using other = await openSession(scaled, { runtime });
    const x = floats([1, 2], 1, 1);
    const y = tensor('float32', [1, 2]);
    expect(() => other.shareFeeds({ v: x })).toThrow(RunArgumentError);
    expect(() => other.shareFeeds({ w: tensor('float32', [3]) })).toThrow(RunArgumentError);
    using shared = other.shareFeeds(w(1, 2));
    using bound = other.bind({ x }, { y }, shared);
    expect(() => shared.exchange({ w: tensor('float32', [3]) })).toThrow(RunArgumentError);
    expect(() => shared.exchange({})).toThrow(RunArgumentError);
    expect(() => shared.exchange({ ...w(1, 2), x })).toThrow(RunArgumentError);
    expect(() => other.bind({ x, ...w(7, 8) }, { y }, shared)).toThrow('it is shared');
    await bound.run();
    expect([...y.data]).toEqual([1, 2]);
  });

  test('are of one session, keep their memory, and are exchanged between runs', async () => {
    await using other = await openSession(scaled, { runtime });
    await using session = await openSession(scaled, { runtime });
    const x = floats([1, 2], 1, 1);
    const shared = other.shareFeeds(w(1, 2));
    const bound = other.bind({ x }, { y: x }, shared);
    expect(() => session.bind({ x }, { y: x }, shared)).toThrow('by another session');
    const running = bound.run();
    expect(() => shared.exchange(w(3, 4))).toThrow('still under way');
    await running;
    const { w: lost } = w(3, 4);
    shared.exchange({ w: lost });
    structuredClone(lost.data, { transfer: [lost.data.buffer as ArrayBuffer] }); // as `tensor` allocates it
    await expect(bound.run()).rejects.toMatchObject({ tensor: 'w', problem: 'memory' });
    shared.exchange(w(3, 4));
    const last = bound.run();
    shared[Symbol.dispose]();
    await last;
    expect([...x.data]).toEqual([3, 8]);
    await expect(bound.run()).rejects.toThrow(SessionDisposedError);
    expect(() => shared.exchange(w(1, 2))).toThrow(SessionDisposedError);
    expect(() => other.bind({ x }, { y: x }, shared)).toThrow(SessionDisposedError);
  });
});
