import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { thisHost } from '@forge/monarch';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DatasetActor, epochOrder, following, readGsm8k } from '../src/index.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'forge-data-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const fileOf = (name: string, lines: readonly string[]) => {
  const file = path.join(folder, name);
  writeFileSync(file, lines.join('\n'));
  return file;
};
const record = (target: number) => JSON.stringify({ question: `q${target}`, answer: `so it is\n#### ${target}` });

test('a record is a question, its reasoning and the result after the separator', async () => {
  const file = fileOf('one.jsonl', ['{"question": "How many?", "answer": "2 + 3 = <<2+3=5>>5\\n#### 1,005"}', '', '']);
  expect(await readGsm8k(file)).toEqual([
    {
      messages: [{ role: 'user', content: 'How many?' }],
      target: '1,005',
      fields: { reasoning: '2 + 3 = <<2+3=5>>5' },
    },
  ]);
});

test.each([
  ['{"question": "x", "answer": "no result"}', /bad\.jsonl:2: "answer" must end in "#### <result>"/],
  ['{"question": "x"}', /bad\.jsonl:2: "answer" must be a text, it is missing/],
  ['{"question": 7, "answer": "#### 1"}', /bad\.jsonl:2: "question" must be a text, found 7/],
  ['[1, 2]', /bad\.jsonl:2: "question" must be a text, it is missing/],
  ['{"question": ', /bad\.jsonl:2: expected one JSON object a line/],
])('the line %s is refused with its place', async (line, message) => {
  const file = fileOf('bad.jsonl', [record(1), line, record(2)]);
  await expect(readGsm8k(file)).rejects.toMatchObject({ code: 'ERR_DATA_DATASET', line: 2, message });
});

test('a missing and an empty file are refused by name', async () => {
  await expect(readGsm8k(path.join(folder, 'absent.jsonl'))).rejects.toThrow(/absent\.jsonl: the file cannot be read/);
  await expect(readGsm8k(fileOf('empty.jsonl', ['']))).rejects.toThrow(/empty\.jsonl: the file has no records/);
});

test('an epoch is a permutation that seed and epoch determine', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.nat(), fc.nat(5), (length, seed, epoch) => {
      const order = epochOrder(length, seed, epoch);
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, index) => index));
      expect(epochOrder(length, seed, epoch)).toEqual(order);
    }),
  );
  expect(epochOrder(40, 1, 0)).not.toEqual(epochOrder(40, 1, 1));
  expect(epochOrder(40, 1, 0)).not.toEqual(epochOrder(40, 2, 0));
});

test('a position walks through every index of an epoch and on to the next', () => {
  const walked = [{ epoch: 0, index: 0 }];
  for (let i = 0; i < 4; i++) walked.push(following(walked.at(-1)!, 2));
  expect(walked.map(({ epoch, index }) => [epoch, index])).toEqual([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
    [2, 0],
  ]);
});

test('the actor delivers each task once an epoch, and continues where a state dict says', async () => {
  const file = fileOf('five.jsonl', [1, 2, 3, 4, 5].map(record));
  await using procs = await thisHost().spawnProcs({ kind: 'inline' });
  const first = await procs.spawn('first', DatasetActor, { path: file, seed: 3 });
  const epoch = [];
  for (let i = 0; i < 5; i++) epoch.push(await first.sample.callOne());
  expect(epoch.map(({ target }) => target).sort()).toEqual(['1', '2', '3', '4', '5']);
  expect(epoch.map(({ number }) => number)).toEqual([0, 1, 2, 3, 4]);
  await first.sample.callOne();
  const second = await procs.spawn('second', DatasetActor, { path: file, seed: 3 });
  await second.loadStateDict.callOne(await first.stateDict.callOne());
  expect(await second.sample.callOne()).toEqual(await first.sample.callOne());
});

test('a sample can be asked for by its number, in any order, and others go on as if it had not been', async () => {
  const file = fileOf('numbered.jsonl', [1, 2, 3].map(record));
  await using procs = await thisHost().spawnProcs({ kind: 'inline' });
  const dataset = await procs.spawn('numbered', DatasetActor, { path: file, seed: 3 });
  const inOrder = [];
  for (let i = 0; i < 9; i++) inOrder.push(await dataset.sample.callOne());
  for (const number of [8, 0, 4, 4, 2, 7]) expect(await dataset.sampleAt.callOne(number)).toEqual(inOrder[number]);
  expect(await dataset.sample.callOne()).toMatchObject({ number: 9 });
  await expect(dataset.sampleAt.callOne(-1)).rejects.toThrow(/number is -1/);
});

test.each([
  { epoch: 0, index: 2 },
  { epoch: 0, index: -1 },
  { epoch: 0.5, index: 0 },
])('the position %o, which two tasks do not have, is refused and changes nothing', async (position) => {
  await using procs = await thisHost().spawnProcs({ kind: 'inline' });
  const actor = await procs.spawn('two', DatasetActor, { path: fileOf('two.jsonl', [1, 2].map(record)) });
  await expect(actor.loadStateDict.callOne(position)).rejects.toThrow(/two\.jsonl has 2 tasks an epoch/);
  expect(await actor.stateDict.callOne()).toEqual({ epoch: 0, index: 0 });
});

test('a data set is a service', async () => {
  const path = fileOf('served.jsonl', [record(1)]);
  await using dataset = await DatasetActor.options({ kind: 'inline' }).asService({ path });
  expect(await dataset.sample.route()).toMatchObject({ target: '1', epoch: 0 });
  expect(await dataset.stateDict.route()).toEqual({ epoch: 1, index: 0 });
  await dataset.loadStateDict.route({ epoch: 7, index: 0 });
  expect(await dataset.sample.route()).toMatchObject({ target: '1', epoch: 7 });
});

test('an actor over a malformed file does not start', async () => {
  await using procs = await thisHost().spawnProcs({ kind: 'inline' });
  const spawning = procs.spawn('broken', DatasetActor, { path: fileOf('broken.jsonl', ['{}']) });
  await expect(spawning).rejects.toThrow(/broken\.jsonl:1: "question" must be a text/);
});
