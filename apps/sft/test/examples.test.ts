import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadTokenizer, type Tokenizer } from '@forge/models';
import { wordTokenizer } from '@forge/run';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configSchema } from '../src/config.ts';
import { examplesOf, promptOf, stepsOf } from '../src/examples.ts';

const task = { messages: [{ role: 'user', content: 'Who has 3?' }], target: '3', demonstration: 'Ann has 3' };
const options = { learn: 'assistant', systemPrompt: undefined, maxTokens: 100 } as const;
const sft = configSchema.parse({}).sft;

let tokenizer: Tokenizer;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'forge-sft-'));
  for (const [name, content] of Object.entries(wordTokenizer(['Who', 'Ann', 'has']))) {
    writeFileSync(path.join(folder, name), JSON.stringify(content));
  }
  tokenizer = await loadTokenizer(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  [100, { epochs: 1, batchSize: 30 }, 4],
  [100, { epochs: 0.5, batchSize: 30 }, 2],
  [10, { epochs: 1, batchSize: 30 }, 1],
  [100, { epochs: 9, batchSize: 30, maxSteps: 7 }, 7],
  [Number.POSITIVE_INFINITY, { epochs: 1, batchSize: 30, maxSteps: 7 }, 7],
])('%i examples, %o: %i steps', (examples, settings, steps) => {
  expect(stepsOf(examples, { ...sft, ...settings })).toBe(steps);
});

test.each([{ task: 'addition' }, { sources: [{ task: 'addition' }] }])(
  'what has no end, as %o, needs a number of steps',
  (dataset) => {
    expect(configSchema.safeParse({ dataset }).error?.issues.map(({ path }) => path)).toEqual([['sft', 'maxSteps']]);
    expect(configSchema.safeParse({ dataset, sft: { maxSteps: 5 } }).success).toBe(true);
  },
);

test('what the assistant says is learned, its end included', () => {
  const [example] = examplesOf([task], tokenizer, options).sequences;
  const { promptIds, tokenIds, mask } = example!;
  expect(tokenizer.decode(promptIds)).toBe('Who has 3?\n');
  expect(tokenizer.decode(tokenIds)).toBe('Ann has 3<|endoftext|>');
  expect([...mask]).toEqual(tokenIds.map(() => 1));
});

test('all that is said is learned when it is asked for, but for the first token', () => {
  const [example] = examplesOf([task], tokenizer, { ...options, learn: 'all' }).sequences;
  expect(example!.promptIds).toHaveLength(1);
  expect(tokenizer.decode([...example!.promptIds, ...example!.tokenIds])).toBe('Who has 3?\nAnn has 3<|endoftext|>');
  expect([...example!.mask]).toEqual(example!.tokenIds.map(() => 1));
});

test('what others say between two answers is not learned', () => {
  const said = [
    { role: 'assistant', content: 'Ann' },
    { role: 'user', content: 'Who?' },
    { role: 'assistant', content: 'Ann has 3' },
  ];
  const [example] = examplesOf([{ ...task, demonstration: said }], tokenizer, options).sequences;
  const learned = example!.tokenIds.filter((_, i) => example!.mask[i] === 1);
  expect(tokenizer.decode(learned)).toBe('Ann<|endoftext|>Ann has 3<|endoftext|>');
  expect(tokenizer.decode(example!.tokenIds)).toContain('Who?');
});

test('an example that is too long is cut and counted; one of which nothing is left is left out', () => {
  const length = (text: string) => tokenizer.encode(text).length;
  const maxTokens = length('Who has 3?\n') + 2;
  const long = { ...task, messages: [{ role: 'user', content: 'Who has 3? '.repeat(9) }] };
  const { sequences, cut } = examplesOf([task, long], tokenizer, { ...options, maxTokens });
  expect({ lengths: sequences.map(({ tokenIds }) => tokenIds.length), cut }).toEqual({ lengths: [2], cut: 2 });
});

test('a system prompt comes first where the example has none', () => {
  const system = { role: 'system', content: 'Be brief.' };
  expect(promptOf(task, { systemPrompt: 'Be brief.' })).toEqual([system, ...task.messages]);
  const own = { ...task, messages: [{ role: 'system', content: 'Be long.' }, ...task.messages] };
  expect(promptOf(own, { systemPrompt: 'Be brief.' })).toEqual(own.messages);
  expect(promptOf(task, { systemPrompt: undefined })).toEqual(task.messages);
});
