import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { environments } from '../../src/environments.ts';
import type { Message, Task } from '../../src/task.ts';
import type { TaskSet } from '../../src/task-sets/task-set.ts';
import { taskSets } from '../../src/task-sets/task-sets.ts';
import { play } from '../scripted.ts';

const number = fc.nat(100_000);
const seed = fc.nat(1000);
const split = fc.constantFrom('train' as const, 'heldOut' as const);

/** Every set as it is, at its easiest and at its hardest. */
const hardest: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  addition: { digits: 9 },
  'sum-of-digits': { digits: 12 },
  'reverse-string': { length: 40 },
  countdown: { numbers: 6, maxNumber: 99 },
  'alphabet-sort': { turns: 5, names: 4 },
  calculator: { digits: 6 },
  search: { places: 20 },
};
const easiest: typeof hardest = {
  addition: { digits: 1 },
  'sum-of-digits': { digits: 3 },
  'reverse-string': { length: 3 },
  countdown: { numbers: 2, maxNumber: 6 },
  'alphabet-sort': { turns: 2, names: 2 },
  calculator: { digits: 1 },
  search: { places: 5 },
};
const sets = Object.values(taskSets).flatMap((set): readonly (readonly [string, TaskSet])[] => [
  [set.name, set],
  [`${set.name}, easy`, set.withOptions(easiest[set.name]!)],
  [`${set.name}, hard`, set.withOptions(hardest[set.name]!)],
]);

/** What the assistant says in a demonstration. */
function demonstrated({ demonstration = [] }: Task): readonly string[] {
  if (typeof demonstration === 'string') return [demonstration];
  return demonstration.filter(({ role }) => role === 'assistant').map(({ content }) => content);
}

describe.each(sets)('tasks of %s', (_, set) => {
  test('are the same for the same number, seed and split', () => {
    fc.assert(
      fc.property(number, seed, split, (at, from, part) => {
        expect(set.task(at, { seed: from, split: part })).toEqual(set.task(at, { seed: from, split: part }));
      }),
      { numRuns: 20 },
    );
  });

  test('earn everything with their demonstrations, and nothing with something else', async () => {
    await fc.assert(
      fc.asyncProperty(number, seed, split, async (at, from, part) => {
        const task = set.task(at, { seed: from, split: part });
        const environment = environments[task.environment!]!;
        const right = await play(await environment(), task, demonstrated(task));
        expect(right.reward).toBeCloseTo(1, 10);
        expect(right).toMatchObject({ isTruncated: false });
        expect(right.info['toolFailures'] ?? 0).toBe(0);
        const wrong = demonstrated(task).map((text) => text.replace(/<answer>.*<\/answer>/, '<answer>0 0</answer>'));
        expect((await play(await environment(), task, wrong)).reward).toBe(0);
      }),
      { numRuns: 20 },
    );
  });

  test('are demonstrated with what the environment says in between', async () => {
    const task = set.task(0, { seed: 1, split: 'train' });
    if (typeof task.demonstration === 'string') return;
    const { messages } = await play(await environments[task.environment!]!(), task, demonstrated(task));
    expect(messages).toEqual(task.demonstration satisfies readonly Message[] | undefined);
  });

  test('are never of both splits, whatever the seeds', () => {
    const asked = (part: 'train' | 'heldOut', from: number) =>
      Array.from({ length: 300 }, (_, at) =>
        JSON.stringify({ ...set.task(at, { seed: from, split: part }), demonstration: '' }),
      );
    const train = new Set([1, 2, 3].flatMap((from) => asked('train', from)));
    expect([4, 5].flatMap((from) => asked('heldOut', from)).filter((task) => train.has(task))).toEqual([]);
  });

  test('can be written with the words that the set names, letters, digits and signs', () => {
    const known = new Set(set.vocabulary);
    const texts = Array.from({ length: 100 }, (_, at) => set.task(at, { seed: 1, split: 'train' }));
    const words = texts.flatMap(({ messages }) => messages.flatMap(({ content }) => content.match(/\p{L}+/gu) ?? []));
    const unknown = words.filter((word) => !known.has(word));
    expect(set.name === 'reverse-string' ? unknown.filter((word) => word.length < 3) : unknown).toEqual([]);
  });
});

test('numbers of tasks are whole and not negative', () => {
  const place = { seed: 1, split: 'train' } as const;
  for (const wrong of [-1, 0.5, Number.NaN]) expect(() => taskSets['addition']!.task(wrong, place)).toThrow(RangeError);
});

test('options are refused by name, with what is allowed', () => {
  const set = taskSets['countdown']!;
  expect(() => set.withOptions({ numbers: 7 })).toThrow(
    expect.objectContaining({ code: 'ERR_ENVIRONMENTS_TASK_OPTION', option: 'numbers', value: 7 }),
  );
  expect(() => set.withOptions({ numbers: 2.5 })).toThrow('Allowed: a whole number from 2 to 6.');
  expect(() => set.withOptions({ digits: 2 })).toThrow('Allowed: numbers, maxNumber.');
});
