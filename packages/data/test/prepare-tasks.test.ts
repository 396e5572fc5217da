import type { Task } from '@forge/environments';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FileSource, type PrepareTasksOptions, prepareTasks, reportLines, type TaskIndex } from '../src/index.ts';
import { partTasks } from '../src/tasks/part-tasks.ts';
import { readIndexed } from '../src/tasks/task-index.ts';
import { fileOf, golden, gsm8k } from './temporary-folder.ts';

const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, i) => gsm8k(from + i));
const targets = (tasks: readonly Task[]) => tasks.map(({ target }) => Number(target));
const task = (prompt: number): Task => ({ messages: [{ role: 'user', content: `q${prompt}` }], target: '' });

const tasksIn = (index: TaskIndex) => readIndexed(index, [...index.blocks.keys()]);

async function prepared(
  options: Omit<Partial<PrepareTasksOptions>, 'sources'> & {
    readonly lines: readonly string[];
    readonly onBroken?: 'skip';
  },
) {
  const { lines, onBroken = 'stop', ...rest } = options;
  const source: FileSource & { readonly name: string } = { path: fileOf('a.jsonl', lines), name: 'a', onBroken };
  const result = await prepareTasks({ sources: [source], heldOut: { count: 2 }, ...rest });
  const first = result.sources[0]!;
  const tasks = 'index' in first ? await tasksIn(first.index) : 'tasks' in first ? first.tasks : [];
  return { ...result, tasks, report: result.reports[0]! };
}

test('whatever is held out, each task is on one side, and no prompt is on both', () => {
  const prompts = fc.array(fc.nat(30), { minLength: 1, maxLength: 60 });
  const rule = fc.oneof(
    fc.record({ by: fc.constant('end' as const), count: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ by: fc.constant('hash' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ by: fc.constant('known' as const), heldOut: fc.array(fc.nat(30).map(task)) }),
  );
  fc.assert(
    fc.property(prompts, rule, (given, by) => {
      const tasks = given.map(task);
      const { train, heldOut, leaked } = partTasks(tasks, by);
      expect(train.length + heldOut.length + leaked).toBe(tasks.length);
      const evaluated = new Set((by.by === 'known' ? by.heldOut : heldOut).map(({ messages }) => messages[0]!.content));
      expect(train.filter(({ messages }) => evaluated.has(messages[0]!.content))).toEqual([]);
    }),
  );
});

test('by hash, what was held out is held out when there is more, and near to the share of it', () => {
  const all = Array.from({ length: 4000 }, (_, i) => task(i));
  const before = partTasks(all.slice(0, 1000), { by: 'hash', share: 0.1 }).heldOut;
  const after = partTasks(all, { by: 'hash', share: 0.1 }).heldOut;
  expect(after.slice(0, before.length)).toEqual(before);
  expect(after.length / 4000).toBeCloseTo(0.1, 1);
});

test('the last are held out, at most half, and training does not ask what they ask', async () => {
  const lines = [...numbered(4), gsm8k(5), ...numbered(4)];
  const { tasks, heldOut, report } = await prepared({ lines });
  expect(targets(heldOut)).toEqual([2, 3]);
  expect(targets(tasks)).toEqual([0, 1, 5, 0, 1]);
  expect(report).toMatchObject({ records: 9, tasks: 5, heldOut: 2, leaked: 2, duplicates: 2, form: 'GSM8K' });
  expect(targets((await prepared({ lines: numbered(3), heldOut: { count: 100 } })).heldOut)).toEqual([2]);
});

test('a file or a split of their own is held out, and none of it is trained on', async () => {
  const own = { path: fileOf('b.jsonl', numbered(3, 8)) };
  const { tasks, heldOut, report } = await prepared({ lines: numbered(10), heldOut: { count: 2, source: own } });
  expect(targets(heldOut)).toEqual([8, 9]);
  expect(targets(tasks)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(report.leaked).toBe(2);
});

test('broken records are left out and counted where that is wanted, and end it where not', async () => {
  const lines = [...numbered(20), '{"question": ', gsm8k(20), '{"question": "x", "answer": "no result"}'];
  await expect(prepared({ lines })).rejects.toThrow(/a\.jsonl:21: expected one JSON object/);
  const { tasks, report } = await prepared({ lines, onBroken: 'skip' });
  expect(tasks).toHaveLength(19);
  expect(report).toMatchObject({ records: 23, broken: 2 });
  expect(reportLines(report)).toEqual([
    'a: 23 records as GSM8K, 19 to train on, 2 held out, 2 broken',
    expect.stringMatching(/^ {2}skipped: .*a\.jsonl:21: expected one JSON object/),
    expect.stringMatching(/^ {2}skipped: .*a\.jsonl:23: "answer" must end in/),
  ]);
});

test('too many broken records are not skipped, and an empty file is no data set', async () => {
  const lines = [...numbered(6), '{', '{'];
  await expect(prepared({ lines, onBroken: 'skip' })).rejects.toThrow(
    /2 of 8 records are broken, more than the share of 0\.1/,
  );
  await expect(prepared({ lines: ['{', '{'], onBroken: 'skip' })).rejects.toThrow(/2 of 2 records are broken/);
  await expect(prepared({ lines: [''] })).rejects.toThrow(/a\.jsonl: the file has no records/);
});

test('a list that is cut off is refused, also where broken records are skipped', async () => {
  const list = `[${numbered(30).join(',\n')},`;
  const sources = [{ path: fileOf('a.json', list), name: 'a', onBroken: 'skip' as const }];
  const refused = prepareTasks({ sources, heldOut: { count: 2 } });
  await expect(refused).rejects.toThrow(/a\.json:30: the list is cut off behind: ,/);
});

test('one task is not enough, and neither is one that is held out', async () => {
  await expect(prepared({ lines: numbered(1) })).rejects.toThrow(/one task cannot be both trained on and evaluated/);
  const own = { path: fileOf('b.jsonl', numbered(3)) };
  const all = prepared({ lines: numbered(3), heldOut: { count: 5, source: own } });
  await expect(all).rejects.toThrow(/nothing is left to train on/);
});

test('what a caller finds wrong with a task makes its record a broken one', async () => {
  const check = ({ target }: Task) => (target === '3' ? 'three is not wanted.' : undefined);
  await expect(prepared({ lines: numbered(6), check })).rejects.toThrow(/a\.jsonl:4: three is not wanted\./);
});

test('streamed, the same are trained on and held out as in memory', async () => {
  const lines = [...numbered(40), '{', ...numbered(5)];
  const heldOut = { count: 10, by: 'hash', share: 0.2 } as const;
  const inMemory = await prepared({ lines, heldOut, onBroken: 'skip' });
  const streamed = await prepared({ lines, heldOut, onBroken: 'skip', streaming: true });
  expect(streamed.tasks).toEqual(inMemory.tasks);
  expect(streamed.heldOut).toEqual(inMemory.heldOut);
  const { duplicates, firstBroken, ...counts } = inMemory.report;
  expect(streamed.report).toMatchObject(counts);
  await expect(prepared({ lines: numbered(9), streaming: true })).rejects.toThrow(
    /its last tasks cannot be held out while it is streamed/,
  );
});

test('of several sources each has its part of what is held out, evenly spread, and generated ones are held out by their set', async () => {
  const { sources, heldOut, reports } = await prepareTasks({
    sources: [
      { path: golden('gsm8k-zstd.parquet'), name: 'math', weight: 3 },
      { task: 'addition', weight: 1, options: { digits: 1 } },
    ],
    heldOut: { count: 8 },
    seed: 4,
  });
  expect(sources).toMatchObject([
    { name: 'math', weight: 3 },
    { name: 'addition', weight: 1, task: 'addition', options: { digits: 1 } },
  ]);
  const from = heldOut.map(({ source }) => source);
  expect([from.slice(0, 4), from.slice(4)].map((half) => half.filter((name) => name === 'addition').length)).toEqual([
    1, 1,
  ]);
  expect(reports.flatMap(reportLines)).toEqual([
    'math: 50 records as GSM8K, 44 to train on, 6 held out',
    'addition: made as they are needed, 2 held out',
  ]);
});

test('a set of tasks that does not exist is refused with those that do', async () => {
  const preparing = prepareTasks({ sources: [{ task: 'luck' }], heldOut: { count: 1 } });
  await expect(preparing).rejects.toThrow(/luck: no set of tasks has that name\. There are addition, /);
});
