import { expect, test } from 'vitest';
import { accumulate } from '../src/index.ts';
import { lateSource } from '../src/late-source.ts';
import type { SettledMetrics } from '../src/observed-source.ts';

const metrics = (value: number) => ({ depth: accumulate('mean', value) });

test('hands out what has arrived, waits for nothing, and asks one question at a time', async () => {
  const questions: PromiseWithResolvers<Iterable<SettledMetrics>>[] = [];
  const source = lateSource(() => {
    const question = Promise.withResolvers<Iterable<SettledMetrics>>();
    questions.push(question);
    return question.promise;
  });
  expect(await source()).toEqual([]);
  expect(await source()).toEqual([]); // a process that is stuck
  expect(questions).toHaveLength(1);
  questions[0]!.resolve([
    { ok: true, value: metrics(1) },
    { ok: false, error: new Error('it died') },
  ]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(await source()).toEqual([metrics(1)]);
  expect(questions).toHaveLength(2);
  questions[1]!.reject(new Error('all of them died'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(await source()).toEqual([]);
  expect(questions).toHaveLength(3);
});
