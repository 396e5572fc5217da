import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RequestQueue } from '../src/routing/request-queue.ts';

type Command =
  | { readonly do: 'add'; readonly target: string | undefined }
  | { readonly do: 'return'; readonly target: string | undefined }
  | { readonly do: 'take' | 'unpin'; readonly target: string }
  | { readonly do: 'remove'; readonly pick: number }
  | { readonly do: 'takeOpen' };

const target = fc.constantFrom('a', 'b', 'c');
const maybe = fc.option(target, { nil: undefined });
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), target: maybe }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('return' as const), target: maybe }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('take' as const), target }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unpin' as const), target }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), pick: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('takeOpen' as const) }) },
);

interface Waiting {
  readonly id: number;
  readonly target: string | undefined;
}

test('it does what a sorted list that is searched from the front does', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
      const queue = new RequestQueue<number, string>();
      let model: Waiting[] = [];
      let nextId = 0;
      const served: number[] = [];
      const drop = (ids: readonly (number | undefined)[]) => {
        model = model.filter(({ id }) => !ids.includes(id));
      };
      for (const step of commands) {
        if (step.do === 'add') {
          queue.add(++nextId, nextId, step.target);
          model.push({ id: nextId, target: step.target });
        } else if (step.do === 'return') {
          const id = served.pop();
          if (id === undefined) continue;
          queue.add(id, id, step.target);
          model = [...model, { id, target: step.target }].toSorted((a, b) => a.id - b.id);
        } else if (step.do === 'take') {
          const expected = model.find((item) => item.target === undefined || item.target === step.target)?.id;
          expect(queue.hasFor(step.target)).toBe(expected !== undefined);
          expect(queue.take(step.target)).toBe(expected);
          if (expected !== undefined) served.push(expected);
          drop([expected]);
        } else if (step.do === 'unpin') {
          const expected = model.filter((item) => item.target === step.target).map(({ id }) => id);
          expect(queue.unpin(step.target)).toEqual(expected);
          drop(expected);
        } else if (step.do === 'remove') {
          const victim = model[step.pick % Math.max(1, model.length)]?.id ?? -1;
          expect(queue.remove(victim)).toBe(victim !== -1);
          expect(queue.remove(victim)).toBe(false);
          drop([victim]);
        } else {
          const isEven = (id: number) => id % 2 === 0;
          const expected = model.filter((item) => item.target === undefined && isEven(item.id)).map(({ id }) => id);
          expect(queue.takeOpen(isEven)).toEqual(expected);
          drop(expected);
        }
        expect(queue.size).toBe(model.length);
        expect([...queue].toSorted((a, b) => a - b)).toEqual(model.map(({ id }) => id));
        for (const name of ['a', 'b', 'c']) {
          expect(queue.pinnedTo(name)).toBe(model.filter((item) => item.target === name).length);
        }
      }
    }),
  );
});
