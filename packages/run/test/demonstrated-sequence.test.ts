import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadTokenizer, type Tokenizer } from '@forge/models';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { demonstratedSequence, wordTokenizer } from '../src/index.ts';

/** Ends a turn by another token than the first of those that end a completion, as Llama 3 does, and shows calls. */
const TEMPLATE =
  "{%- for m in messages %}{{- m.content }}{%- if m.calls %}{{- ' calls ' + m.calls }}{%- endif %}" +
  "{%- if m.role == 'assistant' %}{{- '</answer>\\n' }}{%- else %}{{- '\\n' }}{%- endif %}{%- endfor %}";

const folder = mkdtempSync(path.join(tmpdir(), 'forge-demonstration-'));
let tokenizer: Tokenizer;
beforeAll(async () => {
  const files = wordTokenizer(['Ann', 'calls']);
  const config = { ...files['tokenizer_config.json'], chat_template: TEMPLATE };
  writeFileSync(path.join(folder, 'tokenizer.json'), JSON.stringify(files['tokenizer.json']));
  writeFileSync(path.join(folder, 'tokenizer_config.json'), JSON.stringify(config));
  const plain = await loadTokenizer(folder);
  const ends = ['<|endoftext|>', '</answer>'].map((token) => plain.tokenId(token));
  writeFileSync(path.join(folder, 'generation_config.json'), JSON.stringify({ eos_token_id: ends }));
  tokenizer = await loadTokenizer(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

const prompt = [{ role: 'user', content: 'Ann?' }];
const learned = (demonstration: string | readonly { role: string; content: string; calls?: string }[]) => {
  const { tokenIds, mask, promptIds } = demonstratedSequence(
    tokenizer,
    { messages: prompt, target: '', demonstration },
    { prompt },
  );
  expect(tokenizer.decode(promptIds)).toBe('Ann?\n');
  expect(mask).toHaveLength(tokenIds.length);
  return { all: tokenizer.decode(tokenIds), said: tokenizer.decode(tokenIds.filter((_, i) => mask[i] === 1)) };
};

test('a text is learned to the letter, with the token by which the template ends a turn', () => {
  expect(learned('Ann  calls')).toEqual({ all: 'Ann  calls</answer>', said: 'Ann  calls</answer>' });
});

test('of several turns those of the assistant are learned', () => {
  const turns = [
    { role: 'assistant', content: 'Ann' },
    { role: 'user', content: 'Ann!' },
    { role: 'assistant', content: 'calls' },
  ];
  expect(learned(turns)).toEqual({ all: 'Ann</answer>\nAnn!\ncalls</answer>', said: 'Ann</answer>calls</answer>' });
});

test('what only the template can say, such as a call of a tool, is learned as it says it', () => {
  const turns = [{ role: 'assistant', content: 'Ann', calls: 'Ann' }];
  expect(learned(turns)).toEqual({ all: 'Ann calls Ann</answer>', said: 'Ann calls Ann</answer>' });
});
