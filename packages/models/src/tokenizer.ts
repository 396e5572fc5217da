import { join } from 'node:path';
import type { HubOptions } from '@forge/hub';
import { Tokenizer as ByteTokenizer } from '@huggingface/tokenizers';
import { type ChatMessage, type ChatOptions, type ChatTemplate, compileChatTemplate } from './chat-template.ts';
import { isRecord } from './config-fields.ts';
import { ChatTemplateError, ModelFileError } from './errors.ts';
import { loadGenerationDefaults } from './generation-defaults.ts';
import { readJsonFile, readRequiredJson, readTextFile } from './json-file.ts';
import { TOKENIZER_FILE } from './model-files.ts';
import { quicken } from './quick-tokenizer.ts';
import { resolveModel } from './resolve-model.ts';
import { tokenSpelling } from './token-bytes.ts';

/** How ids become text. */
export interface DecodeOptions {
  /** Leaves out special tokens; added tokens that are not special, such as `<think>`, stay. @default false */
  readonly skipSpecialTokens?: boolean;
}

/** Text to token ids and back, and conversations to text. */
export interface Tokenizer {
  /** The ids of a text; special tokens that the text spells out become their ids, and none are added around it. */
  encode(text: string): number[];
  /** The text of some ids; bytes that are not whole characters become U+FFFD, unknown ids nothing. */
  decode(ids: readonly number[], options?: DecodeOptions): string;
  /** The prompt of a conversation. @throws {ChatTemplateError} when there is no template, or it refuses the messages */
  applyChatTemplate(messages: readonly ChatMessage[], options?: ChatOptions): string;
  /** One more than the largest id; a model's vocabulary may be padded beyond it. */
  readonly vocabSize: number;
  /** Tokens that end a completion: those of `generation_config.json`, of `config.json`, or the `eos_token`. */
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number | undefined;
  /** The id of a token as the vocabulary spells it. */
  tokenId(token: string): number | undefined;
  /**
   * The bytes that a token adds to a text; several tokens may share a character. `undefined` for special tokens, which
   * print nothing, for ids that no token has, and for all of a tokenizer that does not put texts together from bytes.
   */
  tokenBytes(id: number): Uint8Array<ArrayBuffer> | undefined;
  /** Whether `decode` leaves out one space at the beginning, as Llama 2's does. */
  readonly dropsLeadingSpace: boolean;
}

/**
 * Loads `tokenizer.json`, and `tokenizer_config.json` and `chat_template.jinja` where there are any, of a model folder or of
 * a model by its name on the hub, whose weights are not fetched.
 *
 * @throws {ModelFileError} when `tokenizer.json` is missing or one of the files is malformed.
 * @throws {ChatTemplateError} when the chat template does not parse; what {@link resolveModel} throws.
 */
export async function loadTokenizer(model: string, options: HubOptions = {}): Promise<Tokenizer> {
  const folder = await resolveModel(model, { ...options, part: 'tokenizer' });
  const file = join(folder, TOKENIZER_FILE);
  const definition = await readRequiredJson(file);
  const configFile = join(folder, 'tokenizer_config.json');
  const config = (await readJsonFile(configFile)) ?? {};
  const templateFile = join(folder, 'chat_template.jinja');
  const template = await readTextFile(templateFile);

  const tokens = construct(definition, config, file);
  const specialTokens = namedTokens(config);
  // A template in a file of its own replaces the one in the config, as in transformers.
  const source = template ?? config['chat_template'] ?? undefined;
  const templateAt = { file: template === undefined ? configFile : templateFile, specialTokens };
  const idOf = (name: string): number | undefined => {
    const token = specialTokens[name];
    return token === undefined ? undefined : tokens.token_to_id(token);
  };
  const eosTokenId = idOf('eos_token');
  const { eosTokenIds, padTokenId } = await loadGenerationDefaults(folder);
  return {
    ...codec(tokens, config),
    ...spelling(tokens, definition, config),
    applyChatTemplate: source === undefined ? refuseChat(templateFile) : compileChatTemplate(source, templateAt),
    eosTokenIds: eosTokenIds.length > 0 ? eosTokenIds : eosTokenId === undefined ? [] : [eosTokenId],
    padTokenId: idOf('pad_token') ?? padTokenId,
  };
}

function construct(definition: Record<string, unknown>, config: Record<string, unknown>, file: string): ByteTokenizer {
  try {
    const tokens = new ByteTokenizer(definition, config);
    quicken(tokens);
    return tokens;
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new ModelFileError({ file, expected: 'the definition of a tokenizer', got, cause });
  }
}

function codec(
  tokens: ByteTokenizer,
  config: Readonly<Record<string, unknown>>,
): Pick<Tokenizer, 'encode' | 'decode' | 'tokenId' | 'vocabSize'> {
  const vocabulary = tokens.get_vocab();
  const special = specialIds(tokens, config);
  const cleanUp = rewritesSpaces(config);
  return {
    encode: (text) => tokens.encode(text, { add_special_tokens: false }).ids,
    decode(ids, { skipSpecialTokens = false } = {}) {
      const kept = ids.filter((id) => tokens.id_to_token(id) !== undefined && !(skipSpecialTokens && special.has(id)));
      // The library throws on an empty list, which is a valid text.
      return kept.length === 0 ? '' : tokens.decode(kept, { clean_up_tokenization_spaces: cleanUp });
    },
    tokenId: (token) => tokens.token_to_id(token),
    vocabSize: [...vocabulary.values()].reduce((size, id) => Math.max(size, id + 1), 0),
  };
}

/** The library's own default is true and would rewrite " ." as "."; transformers 5 leaves text alone. */
function rewritesSpaces(config: Readonly<Record<string, unknown>>): boolean {
  return config['clean_up_tokenization_spaces'] === true;
}

function spelling(
  tokens: ByteTokenizer,
  definition: Readonly<Record<string, unknown>>,
  config: Readonly<Record<string, unknown>>,
): Pick<Tokenizer, 'tokenBytes' | 'dropsLeadingSpace'> {
  const special = specialIds(tokens, config);
  // A tokenizer that rewrites " ." as "." prints other bytes than those of its tokens.
  const spelled = rewritesSpaces(config) ? undefined : tokenSpelling(definition['decoder']);
  const added = tokens.get_added_tokens_decoder();
  return {
    tokenBytes: (id) => {
      const token = tokens.id_to_token(id);
      if (token === undefined || special.has(id) || !spelled) return undefined;
      return added.has(id) ? new TextEncoder().encode(token) : spelled.bytesOf(token);
    },
    dropsLeadingSpace: spelled?.dropsLeadingSpace ?? false,
  };
}

/** Special are the added tokens marked so, and those that the config names in a role. */
function specialIds(tokens: ByteTokenizer, config: Readonly<Record<string, unknown>>): ReadonlySet<number> {
  const marked = [...tokens.get_added_tokens_decoder().values()].filter((token) => token.special).map(({ id }) => id);
  const additional: unknown = config['additional_special_tokens'] ?? [];
  const texts = [...Object.values(namedTokens(config)), ...(Array.isArray(additional) ? additional.map(textOf) : [])];
  const named = texts.flatMap((text) => (text === undefined ? [] : (tokens.token_to_id(text) ?? [])));
  return new Set([...marked, ...named]);
}

/** `bos_token`, `eos_token`, … of the config, each written as text or as an object with `content`. */
function namedTokens(config: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const named = Object.entries(config).filter(([key]) => key.endsWith('_token') && !key.startsWith('add_'));
  return Object.fromEntries(
    named.flatMap(([key, value]) => {
      const text = textOf(value);
      return text === undefined ? [] : [[key, text]];
    }),
  );
}

function textOf(token: unknown): string | undefined {
  const text = isRecord(token) ? token['content'] : token;
  return typeof text === 'string' ? text : undefined;
}

function refuseChat(file: string): ChatTemplate {
  return () => {
    throw new ChatTemplateError({ file, what: 'the folder has no chat template, here or in tokenizer_config.json.' });
  };
}
