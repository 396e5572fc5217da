import { tensor } from '@forge/tensor';
import { describe, expect, test } from 'vitest';
import { floats, runtimes, useSession } from './sessions.ts';

describe.each(runtimes)('a session over the %s', (runtime) => {
  const session = useSession(runtime);

  test('an aborted signal starts nothing', async () => {
    const y = tensor('float32', [1, 2]);
    const reason = new Error('enough');
    await expect(session().run({ x: floats([1, 2], 1, 2) }, { y }, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    expect(y.data).toEqual(new Float32Array(2));
  });

  test('an abort while a run is under way ends it with the reason, and leaves the session as it was', async () => {
    const x = floats([1, 2], 1, 2);
    for (let round = 0; round < 20; round += 1) {
      const controller = new AbortController();
      const reason = new Error(`enough of ${round}`);
      const running = session().run({ x }, undefined, { signal: controller.signal });
      if (round % 2 === 0) controller.abort(reason);
      else queueMicrotask(() => controller.abort(reason));
      await expect(running).rejects.toBe(reason);
    }
    expect(await session().run({ x })).toEqual({ y: floats([1, 2], 2, 3) });
  });

  test('a signal that is aborted after the run leaves its result alone', async () => {
    const controller = new AbortController();
    const results = await session().run({ x: floats([1, 2], 1, 2) }, undefined, { signal: controller.signal });
    controller.abort();
    expect(results).toEqual({ y: floats([1, 2], 2, 3) });
  });

  test('is disposed after its runs, once, and refuses further runs', async () => {
    const order: string[] = [];
    const running = session()
      .run({ x: floats([1, 2], 1, 2) })
      .then((results) => {
        order.push('run');
        return results;
      });
    const disposing = [session()[Symbol.asyncDispose](), session()[Symbol.asyncDispose]()];
    const refused = session().run({ x: floats([1, 2], 1, 2) });
    await expect(refused).rejects.toMatchObject({ code: 'ERR_ONNX_SESSION_DISPOSED' });
    await Promise.all(disposing);
    order.push('disposed');
    expect(await running).toEqual({ y: floats([1, 2], 2, 3) });
    expect(order).toEqual(['run', 'disposed']);
  });
});
