import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { add, input, mul, type Value } from '../../src/index.ts';
import { differentiable } from '../../src/operators.ts';
import { isFloating } from '../../src/signature.ts';
import { topologicalOrder } from '../../src/topological-order.ts';
import { type Application, type Case, cases } from './cases.ts';
import { largestDifference } from './finite-differences.ts';

/** What finite differences leave: float32 differences have three good digits. */
const tolerance = ({ dtype }: Case): number => (dtype === 'float32' ? 4e-3 : 1e-6);

const sizes = (least: number) => {
  const size = fc.integer({ min: least, max: 4 });
  return fc.record({ a: size, b: size, c: size });
};

/** The application twice over, the second time to half of its operands: two gradients arrive at each. */
function twice({ operands, build }: Application): Application {
  const halved = (x: Value): Value => (isFloating(x.dtype) ? mul(x, 0.5) : x);
  return { operands, build: (...values) => add(build(...values), build(...values.map(halved))) };
}

function operatorsOf({ applications, dtype = 'float64' }: Case): readonly string[] {
  const dtypes = {
    index: 'int64',
    distinct: 'int64',
    bool: 'bool',
    any: dtype,
    positive: dtype,
    angle: dtype,
  } as const;
  return fc.sample(applications, 20).flatMap(({ operands, build }) => {
    const y = build(...operands.map(({ shape, fill }, i) => input(`x${i}`, dtypes[fill.kind], shape)));
    return topologicalOrder([y]).nodes.map((node) => node.op);
  });
}

test('every operator with a gradient has a case that applies it', () => {
  expect([...new Set(cases.map(({ operator }) => operator))].sort()).toEqual(Object.keys(differentiable).sort());
  for (const each of cases) expect(operatorsOf(each), each.title).toContain(each.operator);
});

describe.each(cases.map((each) => ({ ...each, name: `${each.operator}, ${each.title}` })))(
  'the gradient of $name',
  (each) => {
    const { applications, dtype, least = 0 } = each;
    const typed = dtype === undefined ? {} : { dtype };

    test('equals finite differences at sizes known in the graph', async () => {
      await fc.assert(
        fc.asyncProperty(applications, sizes(least), fc.nat(), async (application, run, seed) => {
          const options = { runs: [run], symbolic: false, seed };
          expect(await largestDifference({ ...application, ...typed }, options)).toBeLessThan(tolerance(each));
        }),
        { numRuns: 6 },
      );
    });

    test('equals finite differences at two sizes of one symbolic graph', async () => {
      await fc.assert(
        fc.asyncProperty(applications, sizes(1), sizes(1), fc.nat(), async (application, first, second, seed) => {
          const options = { runs: [first, second], symbolic: true, seed };
          expect(await largestDifference({ ...application, ...typed }, options)).toBeLessThan(tolerance(each));
        }),
        { numRuns: 3 },
      );
    });

    test('equals finite differences when its operands are used twice', async () => {
      await fc.assert(
        fc.asyncProperty(applications, sizes(1), fc.nat(), async (application, run, seed) => {
          const options = { runs: [run], symbolic: true, seed };
          expect(await largestDifference({ ...twice(application), ...typed }, options)).toBeLessThan(tolerance(each));
        }),
        { numRuns: 2 },
      );
    });
  },
);
