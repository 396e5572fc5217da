import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Queue } from '../../src/collections/queue.ts';

test('a queue gives what an array gives', () => {
  const steps = fc.array(fc.oneof(fc.record({ push: fc.nat(3_000) }), fc.record({ shift: fc.nat(3_000) })), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(steps, (sequence) => {
      const queue = new Queue<number>();
      const model: number[] = [];
      let next = 0;
      for (const step of sequence) {
        if ('push' in step) {
          for (let i = 0; i < step.push; i++) {
            queue.push(next);
            model.push(next++);
          }
        } else
          expect(Array.from({ length: step.shift }, () => queue.shift())).toEqual(
            Array.from({ length: step.shift }, () => model.shift()),
          );
        expect(queue.size).toBe(model.length);
      }
    }),
    { numRuns: 30 },
  );
});
