import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Task } from '@forge/environments';
import { loadTokenizer } from '@forge/models';
import { mathReward, thinkingReward } from '@forge/rewards';
import { Random } from '@forge/tensor';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { wordProblems, words } from '../src/source/embedded/word-problems.ts';
import { vocabSize, wordTokenizer } from '../src/source/embedded/word-tokenizer.ts';
import { conversation, demonstrationOf } from '../src/source/prompt.ts';

const options = { train: 3000, heldOut: 300, digits: 2 };
const problems = wordProblems(new Random(1), options);
const questionOf = ({ messages }: Task) => messages[0]!.content;
const numbersOf = (task: Task) => questionOf(task).match(/\d+/g)!.map(Number) as [number, number];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'forge-tokenizer-'));
  for (const [name, content] of Object.entries(wordTokenizer(words))) {
    writeFileSync(path.join(folder, name), JSON.stringify(content));
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

test('the same seed gives the same problems, another seed others', () => {
  expect(wordProblems(new Random(1), options)).toEqual(problems);
  expect(wordProblems(new Random(2), options)).not.toEqual(problems);
});

test('the target is the sum of the numbers in the question', () => {
  for (const task of problems.train) {
    const [a, b] = numbersOf(task);
    expect(Number(task.target)).toBe(a + b);
  }
});

test('no pair of numbers of a held-out problem is trained on', () => {
  const trained = new Set(problems.train.map((task) => numbersOf(task).join(' ')));
  const leaked = problems.heldOut.filter((task) => trained.has(numbersOf(task).join(' ')));
  expect(leaked).toEqual([]);
});

test('a demonstration earns every reward in full', () => {
  for (const task of problems.train.slice(0, 200)) {
    const answer = { prompt: questionOf(task), completion: demonstrationOf(task)[0]!.content, target: task.target };
    expect([mathReward()(answer), thinkingReward()(answer)]).toEqual([1, 1]);
  }
});

test('a word is one token where sentences have it, and text survives the round trip', async () => {
  const tokenizer = await loadTokenizer(folder);
  for (const word of words) {
    if (word !== word.toLowerCase()) expect(tokenizer.encode(word)).toHaveLength(1);
    expect(tokenizer.encode(` ${word}`)).toHaveLength(1);
  }
  for (const task of [...problems.train.slice(0, 200), ...problems.heldOut]) {
    const text = tokenizer.applyChatTemplate(conversation(task), { addGenerationPrompt: true });
    expect(text).toBe(`${questionOf(task)}\n`);
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    expect(tokenizer.encode(text).length).toBeLessThanOrEqual(20);
    const solution = demonstrationOf(task)[0]!.content;
    expect(tokenizer.decode(tokenizer.encode(solution), { skipSpecialTokens: true })).toBe(solution);
  }
});

test('ids are dense, and the end of text is the only special one', async () => {
  const files = wordTokenizer(words);
  const tokenizer = await loadTokenizer(folder);
  expect(tokenizer.vocabSize).toBe(vocabSize(files));
  expect(tokenizer.eosTokenIds).toEqual([tokenizer.tokenId('<|endoftext|>')]);
  expect(
    tokenizer.decode([...tokenizer.encode('<think>1'), ...tokenizer.eosTokenIds], { skipSpecialTokens: true }),
  ).toBe('<think>1');
});
