import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { saveModel } from '@forge/models';
import { smallModel } from './model.ts';

/** The small model as a Hugging Face folder, which is removed when it is disposed of. */
export interface SmallFolder extends AsyncDisposable {
  readonly path: string;
}

/** Its tokens are characters, none of which ends a completion. */
export async function makeSmallFolder(): Promise<SmallFolder> {
  const { config, weights } = smallModel();
  const path = await mkdtemp(join(tmpdir(), 'forge-bench-'));
  await saveModel(path, { config, weights });
  await writeFile(join(path, 'tokenizer.json'), JSON.stringify(characterTokenizer(config.vocabSize)));
  await writeFile(join(path, 'tokenizer_config.json'), JSON.stringify({ tokenizer_class: 'PreTrainedTokenizerFast' }));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

/** A tokenizer in Hugging Face's format: an id for characters that it does not know, then ASCII from `0` on. */
function characterTokenizer(vocabSize: number): object {
  const unknown = '<unk>';
  const characters = Array.from({ length: vocabSize - 1 }, (_, at) => String.fromCharCode(0x30 + at));
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: 'Split', pattern: { Regex: '.' }, behavior: 'Isolated', invert: false },
    post_processor: null,
    decoder: { type: 'Fuse' },
    model: {
      type: 'WordLevel',
      vocab: Object.fromEntries([unknown, ...characters].map((token, id) => [token, id])),
      unk_token: unknown,
    },
  };
}
