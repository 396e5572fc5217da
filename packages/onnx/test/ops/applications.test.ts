import { tensor } from '@forge/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as onnx from '../../src/index.ts';
import { DTypeError, graph, OnnxRuntimeError, openSession, ShapeError, type Value } from '../../src/index.ts';
import { topologicalOrder } from '../../src/topological-order.ts';
import { type Application, applications } from './applications.ts';

/** The values that an application gives, or `undefined` when it is refused for its shapes or dtypes. */
function applied(build: Application): readonly Value[] | undefined {
  try {
    return [build()].flat();
  } catch (error) {
    if (!(error instanceof ShapeError || error instanceof DTypeError)) throw error;
    expect(error.message).toContain(error.op);
    return undefined;
  }
}

/** Runs the values on ones and zeros, and compares what comes out with what the graph says of it. */
async function expectToRun(values: readonly Value[]): Promise<void> {
  const outputs = Object.fromEntries(values.map((value, i) => [`y${i}`, value]));
  const model = graph(outputs);
  try {
    await using session = await openSession(model, { threads: 1 });
    const feeds = Object.fromEntries(
      model.inputs.map(({ name, dtype, shape }) => {
        const zeros = tensor(dtype, shape.map(Number));
        if (name.startsWith('x')) zeros.data.fill((dtype.endsWith('int64') ? 1n : 1) as never); // of the array's kind
        return [name, zeros] as const;
      }),
    );
    const results = await session.run(feeds);
    for (const [name, { dtype, shape }] of Object.entries(outputs)) {
      expect({ dtype: results[name]!.dtype, shape: results[name]!.shape }).toEqual({ dtype, shape });
    }
  } catch (error) {
    // A device need not have a kernel for every dtype; that is no mistake in the graph.
    const dtypes = new Set(topologicalOrder(values).leaves.map(({ dtype }) => dtype));
    if (error instanceof OnnxRuntimeError && /NOT_IMPLEMENTED/.test(error.message) && dtypes.size > 0) return;
    throw error;
  }
}

describe.each(Object.entries(applications))('%s', (_, application) => {
  test('refuses what does not fit with an error of its own, and what it takes runs as declared', async () => {
    await fc.assert(
      fc.asyncProperty(application, async (build) => {
        const values = applied(build);
        if (values !== undefined) await expectToRun(values);
      }),
      { numRuns: 60 },
    );
  });
});

test('every function that applies an operator is among them', () => {
  const others = /^([A-Z]|encode|write|evaluate|open|profile|split.+|graph|gradients|input|constant|.+Dims$)/;
  const operators = Object.keys(onnx).filter((name) => !others.test(name));
  expect(Object.keys(applications).toSorted()).toEqual(operators.toSorted());
});
