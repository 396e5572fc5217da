/** The files of a tokenizer as a model folder holds them. */
export interface TokenizerFiles {
  readonly 'tokenizer.json': object;
  readonly 'tokenizer_config.json': object;
}

const END = '<|endoftext|>';
/** One token each, and kept in decoded text: the rewards look for them. */
const TAGS = ['<think>', '</think>', '<answer>', '</answer>'];

/**
 * Messages one after the other, calls of tools and their results in Qwen's form. No roles, system message or descriptions of
 * tools: a model of this size learns from demonstrations what there is, and every token costs it as much as any other.
 */
const CHAT_TEMPLATE = `
{%- for message in messages -%}
  {%- if message.role == 'tool' -%}
    {{- '<tool_response>\\n' + message.content + '\\n</tool_response>\\n' -}}
  {%- elif message.role == 'assistant' -%}
    {{- message.content -}}
    {%- for call in message.tool_calls or [] -%}
      {%- set said = call.function or call -%}
      {{- '<tool_call>\\n{"name": "' + said.name + '", "arguments": ' + (said.arguments | tojson) + '}\\n</tool_call>' -}}
    {%- endfor -%}
    {{- eos_token + '\\n' -}}
  {%- elif message.role != 'system' -%}
    {{- message.content + '\\n' -}}
  {%- endif -%}
{%- endfor -%}`;

/**
 * A byte-level BPE tokenizer in Hugging Face's format that knows printable ASCII and makes each entry of a vocabulary one
 * token: a capitalised word alone and after a space, another word after a space, a mark such as `<tool_call>` wherever it
 * stands. Digits stay single tokens.
 *
 * The merges of a word grow it from its first character, which is a capital or the space (`Ġ`). Neither occurs further
 * inside a word, so no merge of one word can fire in the middle of another.
 */
export function wordTokenizer(vocabulary: readonly string[]): TokenizerFiles {
  const words = vocabulary.filter(isWord);
  const marks = new Set(vocabulary.filter((entry) => !isWord(entry)));
  const merges: [string, string][] = [];
  const tokens = new Set<string>(alphabet());
  const merge = (left: string, right: string) => {
    if (tokens.has(left + right)) return;
    tokens.add(left + right);
    merges.push([left, right]);
  };
  for (const word of words) {
    const isCapitalised = /^\p{Lu}/u.test(word);
    const grown = isCapitalised ? word : `Ġ${word}`;
    for (let length = 1; length < grown.length; length++) merge(grown.slice(0, length), grown[length]!);
    if (isCapitalised) merge('Ġ', word);
  }
  const vocab = Object.fromEntries([...tokens].map((token, id) => [token, id]));
  const added = [...new Set([END, ...TAGS, ...marks])].map((content, index) => ({
    id: tokens.size + index,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: content === END,
  }));
  return {
    'tokenizer.json': {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: added,
      normalizer: null,
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          {
            type: 'Split',
            pattern: { Regex: ' ?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]|\\s' },
            behavior: 'Isolated',
            invert: false,
          },
          { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
        ],
      },
      post_processor: null,
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: '',
        end_of_word_suffix: '',
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab,
        merges,
      },
    },
    'tokenizer_config.json': {
      tokenizer_class: 'PreTrainedTokenizerFast',
      eos_token: END,
      pad_token: END,
      clean_up_tokenization_spaces: false,
      chat_template: CHAT_TEMPLATE,
    },
  };
}

const isWord = (entry: string) => /^\p{L}+$/u.test(entry);

/** How many ids the tokenizer has. */
export function vocabSize({ 'tokenizer.json': tokenizer }: TokenizerFiles): number {
  const { model, added_tokens } = tokenizer as { model: { vocab: object }; added_tokens: readonly unknown[] };
  return Object.keys(model.vocab).length + added_tokens.length;
}

/** The id of the token that ends a completion. */
export function endTokenId({ 'tokenizer.json': tokenizer }: TokenizerFiles): number {
  const { added_tokens } = tokenizer as { added_tokens: readonly { id: number; content: string }[] };
  return added_tokens.find(({ content }) => content === END)!.id; // every tokenizer made here has it
}

/** Newline and printable ASCII, in the spelling of byte-level tokenizers. */
function alphabet(): readonly string[] {
  const printable = Array.from({ length: 0x7f - 0x21 }, (_, index) => String.fromCharCode(0x21 + index));
  return ['Ċ', 'Ġ', ...printable];
}
