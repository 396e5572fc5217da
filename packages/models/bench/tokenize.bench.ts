// Seconds to tokenise 200 kB of text, beside the tokenizer of the library as it comes; the golden tokenizer, of 625 tokens.
// Run: node bench/tokenize.bench.ts
import { readFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import path from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { loadTokenizer } from '../src/index.ts';

const LENGTH = 200_000;
const folder = path.resolve(import.meta.dirname, '../test/golden/tokenizer');
const json = async (file: string) => JSON.parse(await readFile(path.join(folder, file), 'utf8')) as object;
const files = [await json('tokenizer.json'), await json('tokenizer_config.json')] as const;
const readme = await readFile(path.resolve(import.meta.dirname, '../README.md'), 'utf8');
const filled = (part: string) => part.repeat(Math.ceil(LENGTH / part.length)).slice(0, LENGTH);
const names = Array.from({ length: LENGTH / 10 }, (_, i) => ` ${(i * 2654435761).toString(36)}`)
  .join('')
  .slice(0, LENGTH);
const texts = {
  prose: filled(readme),
  names,
  words: filled('word '),
  digits: filled('1234567890'),
  spaces: filled(' '),
};
// One after the other, with what they remember of the texts before.
const library = new Tokenizer(...files);
const tokenizer = await loadTokenizer(folder);

for (const [name, text] of Object.entries(texts)) {
  const control = seconds(() => library.encode(text));
  const value = seconds(() => tokenizer.encode(text));
  const figure = { bench: `tokenize, ${name}`, value, unit: 's', control, ratio: Number((control / value).toFixed(1)) };
  console.log(JSON.stringify({ ...figure, load: Number(loadavg()[0]?.toFixed(2)) }));
}

function seconds(encode: () => unknown): number {
  const start = performance.now();
  encode();
  return Number(((performance.now() - start) / 1000).toFixed(3));
}
