import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ChatMessage, ChatTemplateError, loadTokenizer, ModelFileError } from '../src/index.ts';
import { copyOfGolden, goldenFolder } from './temporary-folder.ts';

interface Cases {
  readonly vocab_size: number;
  readonly special_ids: Readonly<Record<string, number>>;
  readonly strings: readonly { text: string; ids: number[]; decoded: string; decoded_skip_special: string }[];
  readonly decode_only: readonly { ids: number[]; decoded: string }[];
  readonly chats: readonly {
    messages: ChatMessage[];
    tools?: unknown[];
    add_generation_prompt: boolean;
    text: string;
    ids: number[];
    [variable: string]: unknown;
  }[];
}

const cases: Cases = JSON.parse(await readFile(join(goldenFolder('tokenizer'), 'cases.json'), 'utf8'));
const tokenizer = await loadTokenizer(goldenFolder('tokenizer'));

describe('as the Rust tokenizers', () => {
  test.each(cases.strings)('$text becomes its ids', ({ text, ids }) => {
    expect(tokenizer.encode(text)).toEqual(ids);
  });

  test.each(cases.strings)('the ids of $text become text, with and without special tokens', (string) => {
    expect(tokenizer.decode(string.ids)).toBe(string.decoded);
    expect(tokenizer.decode(string.ids, { skipSpecialTokens: true })).toBe(string.decoded_skip_special);
  });

  test.each(cases.decode_only)('$ids, cut inside characters, becomes $decoded', ({ ids, decoded }) => {
    expect(tokenizer.decode(ids)).toBe(decoded);
  });

  test.each(cases.chats)('$messages are rendered as the template says', (chat) => {
    const { messages, tools, add_generation_prompt: addGenerationPrompt, text, ids, ...variables } = chat;
    const options = { addGenerationPrompt, variables, ...(tools === undefined ? {} : { tools }) };
    expect(tokenizer.applyChatTemplate(messages, options)).toBe(text);
    expect(tokenizer.encode(text)).toEqual(ids);
  });

  test('vocabulary and special ids', () => {
    expect(tokenizer.vocabSize).toBe(cases.vocab_size);
    for (const [token, id] of Object.entries(cases.special_ids)) expect(tokenizer.tokenId(token)).toBe(id);
    expect(tokenizer.eosTokenIds).toEqual([cases.special_ids['<|im_end|>']]);
    expect(tokenizer.padTokenId).toBe(cases.special_ids['<|endoftext|>']);
    expect(tokenizer.tokenId('<|no such token|>')).toBeUndefined();
  });
});

test('every text in composed form comes back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const composed = text.normalize('NFC');
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(composed);
    }),
  );
});

test('every text has the ids that the library gives it, repeated, mixed or long', async () => {
  const [definition, config] = await Promise.all(
    ['tokenizer.json', 'tokenizer_config.json'].map(async (file) =>
      JSON.parse(await readFile(join(goldenFolder('tokenizer'), file), 'utf8')),
    ),
  );
  const library = new LibraryTokenizer(definition, config);
  const idsOf = (text: string): readonly number[] => library.encode(text, { add_special_tokens: false }).ids;
  // Words of the vocabulary, which have merges to make, and anything else.
  const words = fc.constantFrom(...Object.keys(definition.model.vocab).map((word) => word.replaceAll('Ġ', ' ')));
  const part = fc.oneof(words, fc.string({ unit: 'grapheme' }), fc.constantFrom('\n', '  ', 'ab', '<think>', '\ud800'));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 40 }), fc.integer({ min: 1, max: 3 }), (parts, times) => {
      const text = parts.join('').repeat(times);
      expect(tokenizer.encode(text)).toEqual(idsOf(text));
    }),
    { numRuns: 300 },
  );
  for (const text of ['\n'.repeat(5000), 'the other '.repeat(500).replaceAll(' ', '')]) {
    expect(tokenizer.encode(text)).toEqual(idsOf(text));
  }
});

test('ids outside the vocabulary become nothing', () => {
  expect(tokenizer.decode([39, 100_000, 72])).toBe('Hi');
});

describe('files of the folder', () => {
  test('chat_template.jinja comes before the template of the config', async () => {
    const folder = await copyOfGolden('tokenizer');
    await writeFile(join(folder, 'chat_template.jinja'), '{{ messages[0].content }}{{ eos_token }}');
    const { applyChatTemplate } = await loadTokenizer(folder);
    expect(applyChatTemplate([{ role: 'user', content: 'Hi' }])).toBe('Hi<|im_end|>');
  });

  test('of several named templates, default is meant, and tool_use when there are tools', async () => {
    const folder = await copyOfGolden('tokenizer');
    await editConfig(folder, {
      chat_template: [
        { name: 'default', template: 'plain' },
        { name: 'tool_use', template: 'with tools' },
      ],
    });
    const { applyChatTemplate } = await loadTokenizer(folder);
    expect(applyChatTemplate([])).toBe('plain');
    expect(applyChatTemplate([], { tools: [{}] })).toBe('with tools');
  });

  test('end tokens come from generation_config.json first', async () => {
    const folder = await copyOfGolden('tokenizer');
    await writeFile(join(folder, 'generation_config.json'), JSON.stringify({ eos_token_id: [622, 620] }));
    expect((await loadTokenizer(folder)).eosTokenIds).toEqual([622, 620]);
  });

  test('a tokenizer without its config still encodes, and says that it has no template', async () => {
    const folder = await copyOfGolden('tokenizer');
    await rm(join(folder, 'tokenizer_config.json'));
    const bare = await loadTokenizer(folder);
    expect(bare.encode('Hi')).toEqual([39, 72]);
    expect(() => bare.applyChatTemplate([])).toThrow(ChatTemplateError);
  });

  test('a template may refuse messages', async () => {
    const folder = await copyOfGolden('tokenizer');
    await editConfig(folder, { chat_template: "{{ raise_exception('roles must alternate') }}" });
    const { applyChatTemplate } = await loadTokenizer(folder);
    expect(() => applyChatTemplate([])).toThrow(/roles must alternate/);
  });

  test('a template that does not parse is refused when it is loaded', async () => {
    const folder = await copyOfGolden('tokenizer');
    await editConfig(folder, { chat_template: '{% for %}' });
    await expect(loadTokenizer(folder)).rejects.toThrow(ChatTemplateError);
  });

  test('a missing, malformed or empty tokenizer.json names the file', async () => {
    const folder = await copyOfGolden('tokenizer');
    const file = join(folder, 'tokenizer.json');
    await rename(file, `${file}.away`);
    await expect(loadTokenizer(folder)).rejects.toThrow(expect.objectContaining({ code: 'ERR_MODELS_FILE', file }));
    for (const text of ['{', '[]', '{}']) {
      await writeFile(file, text);
      await expect(loadTokenizer(folder)).rejects.toThrow(ModelFileError);
    }
  });
});

async function editConfig(folder: string, change: Record<string, unknown>): Promise<void> {
  const file = join(folder, 'tokenizer_config.json');
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...change }));
}
