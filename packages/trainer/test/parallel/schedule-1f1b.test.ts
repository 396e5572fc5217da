import fc from 'fast-check';
import { expect, test } from 'vitest';
import { balancedStarts } from '../../src/parallel/balance-stages.ts';
import { type PipelineAction, schedule1F1B } from '../../src/parallel/schedule-1f1b.ts';

const sizes = fc.record({
  numStages: fc.integer({ min: 1, max: 8 }),
  numMicroBatches: fc.integer({ min: 0, max: 24 }),
});

const schedules = ({ numStages, numMicroBatches }: { numStages: number; numMicroBatches: number }) =>
  Array.from({ length: numStages }, (_, stage) => schedule1F1B({ stage, numStages, numMicroBatches }));

test('a stage runs every micro-batch forward once and then backward once, each in order, few of them in between', () => {
  fc.assert(
    fc.property(sizes, (size) => {
      for (const [stage, actions] of schedules(size).entries()) {
        const done = { forward: 0, backward: 0 };
        for (const { kind, microBatch } of actions) {
          expect(microBatch).toBe(done[kind]++);
          expect(done.forward - done.backward).toBeGreaterThanOrEqual(0);
          expect(done.forward - done.backward).toBeLessThanOrEqual(size.numStages - stage);
        }
        expect(done).toEqual({ forward: size.numMicroBatches, backward: size.numMicroBatches });
      }
    }),
  );
});

test('stages that wait for each other end, and are idle for (S − 1)/(M + S − 1) of the time', () => {
  fc.assert(
    fc.property(sizes, (size) => {
      const { numStages, numMicroBatches } = size;
      const left = schedules(size).map((actions) => [...actions]);
      const done = new Set<string>();
      const name = (stage: number, { kind, microBatch }: PipelineAction): string => `${kind} ${microBatch} ${stage}`;
      // Of an action of the stage before for forward, of the stage after for backward.
      const isReady = (stage: number, { kind, microBatch }: PipelineAction): boolean => {
        const from = kind === 'forward' ? stage - 1 : stage + 1;
        return from < 0 || from >= numStages || done.has(name(from, { kind, microBatch }));
      };
      let time = 0;
      while (left.some(({ length }) => length > 0)) {
        const now = left.flatMap((actions, stage) => {
          const [next] = actions;
          return next !== undefined && isReady(stage, next) ? [{ stage, next }] : [];
        });
        expect(now).not.toEqual([]);
        for (const { stage, next } of now) {
          left[stage]!.shift();
          done.add(name(stage, next));
        }
        time++;
      }
      if (numMicroBatches === 0) return;
      expect(time).toBe(2 * (numMicroBatches + numStages - 1));
      expect((time - 2 * numMicroBatches) / time).toBeCloseTo((numStages - 1) / (numMicroBatches + numStages - 1), 12);
    }),
  );
});

test('no other cut of a row of work has a smaller largest sum', () => {
  const work = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 });
  const largest = (row: readonly number[], starts: readonly number[]): number =>
    Math.max(...starts.map((start, i) => row.slice(start, starts[i + 1]).reduce((sum, each) => sum + each, 0)));
  /** All ways to begin `numRuns` runs. */
  const allStarts = (length: number, numRuns: number): number[][] =>
    numRuns === 1
      ? [[0]]
      : Array.from({ length }, (_, start) => start).flatMap((start) =>
          start === 0 ? [] : allStarts(start, numRuns - 1).map((starts) => [...starts, start]),
        );
  fc.assert(
    fc.property(work, fc.nat(7), (row, more) => {
      const numRuns = 1 + (more % row.length);
      const starts = balancedStarts(row, numRuns);
      expect(starts).toHaveLength(numRuns);
      expect([...starts, row.length].every((start, i, all) => i === 0 || start > all[i - 1]!)).toBe(true);
      const valid = allStarts(row.length, numRuns).filter((each) => each.length === numRuns);
      expect(largest(row, starts)).toBe(Math.min(...valid.map((each) => largest(row, each))));
    }),
  );
});
