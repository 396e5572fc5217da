import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openDataset } from '@forge/data';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { datasetSettings, modelSettings, prepareSource, runSettings } from '../src/index.ts';

let parent: string;
beforeAll(() => {
  parent = mkdtempSync(path.join(tmpdir(), 'forge-run-'));
});
afterAll(() => rmSync(parent, { recursive: true, force: true }));

let runs = 0;

/** What a run is given by these settings of its data. */
async function prepared(
  dataset: object,
  lines: readonly object[] = [],
  { maxPositions = 128, name = `run-${runs++}` } = {},
) {
  const folder = path.join(parent, name);
  const file = `${folder}.jsonl`;
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const model = {
    embedded: {
      hiddenSize: 8,
      numLayers: 1,
      numAttentionHeads: 1,
      numKeyValueHeads: 1,
      headDim: 8,
      intermediateSize: 8,
      maxPositions,
    },
  };
  const settings = {
    run: runSettings.parse({}),
    model: modelSettings.parse(model),
    dataset: datasetSettings.parse(lines.length > 0 ? { path: file, ...dataset } : dataset),
  };
  return { folder, file, ...(await prepareSource(settings, folder)) };
}

const record = (i: number) => ({ question: `What is ${i}?`, answer: `it is\n#### ${i}` });
const records = (count: number) => Array.from({ length: count }, (_, i) => record(i));
const reportIn = (folder: string): object => JSON.parse(readFileSync(path.join(folder, 'data.json'), 'utf8'));

test('records are read, parted, counted, and told in one line', async () => {
  const { folder, file, dataset, heldOut, lines } = await prepared({ heldOut: 3, onBroken: 'skip' }, [
    ...records(20),
    { question: 1 },
  ]);
  const told = `${file}: 21 records as GSM8K, 17 to train on, 3 held out, 1 broken; prompt tokens p50 `;
  expect(lines[0]!.startsWith(told)).toBe(true);
  expect(lines[1]).toContain(`skipped: ${file}:21: "question" must be`);
  expect(heldOut.map(({ target }) => target)).toEqual(['17', '18', '19']);
  expect(reportIn(folder)).toMatchObject([{ records: 21, tasks: 17, promptTokens: { measured: 20 } }]);
  const opened = await openDataset(dataset);
  expect(opened.sources).toEqual([{ name: file, share: 1, size: 17 }]);
  expect(await opened.at(0)).toMatchObject({ source: file, fields: { reasoning: 'it is' } });
  expect(readFileSync(path.join(folder, 'train.jsonl'), 'utf8').split('\n')).toHaveLength(18);
});

test('a prompt that leaves no room for an answer is a broken record, streamed or not', async () => {
  const long = { question: `What is ${'9 '.repeat(200)}?`, answer: '#### 1' };
  const lines = [...records(20), long];
  await expect(prepared({}, lines)).rejects.toThrow(
    /:21: its prompt has \d+ tokens, which leaves no room for an answer/,
  );
  const streamed = await prepared({ streaming: true, heldOutBy: 'hash', heldOutShare: 0.3, onBroken: 'skip' }, lines);
  expect(streamed.lines[1]).toMatch(/:21: its prompt has \d+ tokens/);
  expect(existsSync(path.join(streamed.folder, 'train.jsonl'))).toBe(false);
  const opened = await openDataset(streamed.dataset);
  const { size } = opened.sources[0]!;
  expect(size! + streamed.heldOut.length).toBe(20);
  const asked = await Promise.all(Array.from({ length: size! }, (_, number) => opened.at(number)));
  expect(new Set(asked.map(({ target }) => target)).size).toBe(size);
});

test('a mixture has a file for each source that is held in memory, and one report', async () => {
  const file = path.join(parent, 'mixed.jsonl');
  writeFileSync(
    file,
    records(9)
      .map((line) => JSON.stringify(line))
      .join('\n'),
  );
  const sources = [
    { path: file, name: 'mine' },
    { task: 'addition', weight: 2 },
  ];
  const { folder, dataset, heldOut, lines } = await prepared({ sources, heldOut: 6 });
  expect(lines).toEqual([
    expect.stringMatching(/^mine: 9 records/),
    expect.stringMatching(/^addition: made as they are needed, 4 held out/),
  ]);
  expect(
    heldOut
      .slice(0, 3)
      .map(({ source }) => source)
      .toSorted(),
  ).toEqual(['addition', 'addition', 'mine']);
  expect(existsSync(path.join(folder, 'train-1.jsonl'))).toBe(true);
  const opened = await openDataset(dataset);
  const sampled = await Promise.all(Array.from({ length: 30 }, (_, number) => opened.at(number)));
  const mine = sampled.filter(({ source }) => source === 'mine');
  expect(Math.abs(mine.length - 10)).toBeLessThanOrEqual(1);
});

test('generated tasks that do not fit the model are refused before anything starts', async () => {
  await expect(prepared({ task: 'countdown' }, [], { maxPositions: 4 })).rejects.toThrow(
    /^dataset: a task of countdown does not fit: its prompt has \d+ tokens/,
  );
});

test('a run that goes on reads what it read when it began, or is refused', async () => {
  const at = { name: 'resumed' };
  const { folder, file } = await prepared({}, records(9), at);
  await expect(prepared({}, records(10), at)).resolves.toBeDefined();
  mkdirSync(path.join(folder, 'checkpoints', 'step-0000000001'), { recursive: true });
  await expect(prepared({}, records(10), at)).resolves.toBeDefined();
  await expect(prepared({}, records(10).toReversed(), at)).rejects.toThrow(
    `dataset: ${file} is not what it was when the run in ${folder} began. Begin another run.`,
  );
});

test('without a path word problems are made, and nothing is told of them', async () => {
  const { folder, dataset, heldOut, lines } = await prepared({ embedded: { problems: 50 }, heldOut: 5 });
  expect(lines).toEqual([]);
  expect(heldOut).toHaveLength(5);
  expect((await openDataset(dataset)).sources).toEqual([{ name: 'word problems', share: 1, size: 50 }]);
  expect(existsSync(path.join(folder, 'data.json'))).toBe(false);
});
