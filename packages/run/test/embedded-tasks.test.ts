import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { environments, playEpisode, type Task, taskSets } from '@forge/environments';
import { parseToolCalls } from '@forge/generator';
import { loadTokenizer, type Tokenizer } from '@forge/models';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { demonstratedSequence } from '../src/source/demonstrated-sequence.ts';
import { writeTinyModel } from '../src/source/embedded/tiny-model.ts';
import { wordTokenizer } from '../src/source/embedded/word-tokenizer.ts';
import { demonstrationOf } from '../src/source/prompt.ts';

const sizes = {
  hiddenSize: 8,
  numLayers: 1,
  numAttentionHeads: 1,
  numKeyValueHeads: 1,
  headDim: 8,
  intermediateSize: 8,
  maxPositions: 128,
};

let parent: string;
beforeAll(() => {
  parent = mkdtempSync(path.join(tmpdir(), 'forge-run-'));
});
afterAll(() => rmSync(parent, { recursive: true, force: true }));

async function tokenizerOf(name: string): Promise<Tokenizer> {
  const folder = path.join(parent, name);
  await writeTinyModel(folder, wordTokenizer(taskSets[name]!.vocabulary), sizes, 1);
  return loadTokenizer(folder);
}

describe.each(Object.keys(taskSets))('the embedded tokenizer for tasks of %s', (name) => {
  const tasks = (['train', 'heldOut'] as const).flatMap((split) =>
    Array.from({ length: 50 }, (_, number) => taskSets[name]!.task(number, { seed: 1, split })),
  );

  test('reads and writes all that is said in them, in few tokens', async () => {
    const tokenizer = await tokenizerOf(name);
    for (const task of tasks) {
      for (const { content } of [...task.messages, ...demonstrationOf(task)]) {
        expect(tokenizer.decode(tokenizer.encode(content), { skipSpecialTokens: true })).toBe(content);
      }
      const { promptIds, tokenIds } = demonstratedSequence(tokenizer, task);
      expect(promptIds.length + tokenIds.length).toBeLessThanOrEqual(100);
    }
  });

  test('makes sequences in which just what the assistant says counts', async () => {
    const tokenizer = await tokenizerOf(name);
    const end = tokenizer.decode(tokenizer.eosTokenIds);
    for (const task of tasks.slice(0, 10)) {
      const { tokenIds, mask } = demonstratedSequence(tokenizer, task);
      expect(mask).toHaveLength(tokenIds.length);
      const said = tokenizer.decode(tokenIds.filter((_, at) => mask[at] === 1));
      const assistant = demonstrationOf(task).filter(({ role }) => role === 'assistant');
      expect(said).toBe(assistant.map(({ content }) => content + end).join(''));
    }
  });
});

test('calls of tools in demonstrations are read as calls, and their results stand in marks of their own', async () => {
  const task: Task = taskSets['calculator']!.task(0, { seed: 1, split: 'train' });
  const tokenizer = await tokenizerOf('calculator');
  const [call, , answer] = demonstrationOf(task);
  const { toolCalls, numMalformed } = parseToolCalls(call!.content);
  expect({ name: toolCalls[0]?.name, numMalformed }).toEqual({ name: 'calculator', numMalformed: 0 });
  const { promptIds, tokenIds } = demonstratedSequence(tokenizer, task);
  expect(tokenizer.decode([...promptIds, ...tokenIds])).toBe(
    `${task.messages[0]!.content}\n${call!.content}<|endoftext|>\n` +
      `<tool_response>\n${task.target}\n</tool_response>\n${answer!.content}<|endoftext|>`,
  );
  const environment = await environments['calculator']!();
  await environment.reset(task);
  const said = { text: call!.content, toolCalls, isCutOff: false };
  const partner = { say: async () => ({ text: answer!.content, isCutOff: false }) };
  expect(await playEpisode(environment, said, partner)).toMatchObject({ reward: 1, info: { toolCalls: 1 } });
});

test("a message with tool calls of OpenAI's form is rendered as the model would write it", async () => {
  const tokenizer = await tokenizerOf('calculator');
  const call = { type: 'function', function: { name: 'calculator', arguments: { expression: '1+2' } } };
  const text = tokenizer.applyChatTemplate([{ role: 'assistant', content: '', tool_calls: [call] }]);
  expect(text).toBe(
    '<tool_call>\n{"name": "calculator", "arguments": {"expression": "1+2"}}\n</tool_call><|endoftext|>\n',
  );
  expect(parseToolCalls(text).toolCalls).toEqual([{ name: 'calculator', arguments: { expression: '1+2' } }]);
});
