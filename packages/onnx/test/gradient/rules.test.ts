import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { input } from '../../src/index.ts';
import { differentiable } from '../../src/operators.ts';
import { topologicalOrder } from '../../src/topological-order.ts';
import { type Case, cases } from './cases.ts';
import { largestDifference } from './finite-differences.ts';

const size = fc.integer({ min: 1, max: 4 });
const sizes = fc.record({ a: size, b: size, c: size });

/** What finite differences leave: float32 differences have three good digits. */
const tolerance = ({ dtype }: Case): number => (dtype === 'float32' ? 4e-3 : 1e-6);

function operatorsOf({ operands, build, dtype = 'float64' }: Case): readonly string[] {
  const dtypes = {
    index: 'int64',
    distinct: 'int64',
    bool: 'bool',
    any: dtype,
    positive: dtype,
    angle: dtype,
  } as const;
  const y = build(...operands.map(({ shape, fill }, i) => input(`x${i}`, dtypes[fill.kind], shape)));
  return topologicalOrder([y]).nodes.map((node) => node.op);
}

test('every operator with a gradient has a case that applies it', () => {
  expect([...new Set(cases.map(({ operator }) => operator))].sort()).toEqual(Object.keys(differentiable).sort());
  for (const each of cases) expect(operatorsOf(each), each.title).toContain(each.operator);
});

describe.each(cases.map((each) => ({ ...each, name: `${each.operator}, ${each.title}` })))(
  'the gradient of $name',
  (each) => {
    test('equals finite differences at sizes known in the graph', async () => {
      await fc.assert(
        fc.asyncProperty(sizes, fc.nat(), async (run, seed) => {
          expect(await largestDifference(each, { runs: [run], symbolic: false, seed })).toBeLessThan(tolerance(each));
        }),
        { numRuns: 4 },
      );
    });

    test('equals finite differences at two sizes of one symbolic graph', async () => {
      await fc.assert(
        fc.asyncProperty(sizes, sizes, fc.nat(), async (first, second, seed) => {
          expect(await largestDifference(each, { runs: [first, second], symbolic: true, seed })).toBeLessThan(
            tolerance(each),
          );
        }),
        { numRuns: 2 },
      );
    });
  },
);
