import type { Tokenizer } from '@huggingface/tokenizers';
import { pieceMerges } from './piece-merges.ts';
import { byteLevelText } from './token-bytes.ts';

/** The parts of the library's tokenizer that take its time, as its documentation has them; its types do not reach so far. */
interface Parts {
  readonly pre_tokenizer: PreTokenizer | null;
  readonly model: {
    readonly config: { readonly type?: string };
    readonly end_of_word_suffix?: string | null;
    readonly continuing_subword_suffix?: string | null;
    readonly merges: readonly (readonly [left: string, right: string])[];
    bpe(piece: string): string[];
  };
}

interface PreTokenizer {
  readonly config?: { readonly type?: string; readonly use_regex?: boolean; readonly add_prefix_space?: boolean };
  /** Of a sequence. */
  readonly tokenizers?: readonly PreTokenizer[];
  pre_tokenize_text(text: string): string[];
}

/**
 * Has a tokenizer spell bytes and merge pairs in ways of our own, with the same result: the library's take up to a minute for a
 * megabyte that repeats itself. What is not usual, such as marks at the ends of words, is left to the library.
 */
export function quicken(tokenizer: Tokenizer): void {
  const { pre_tokenizer: splitter, model } = tokenizer as Parts;
  for (const step of splitter?.tokenizers ?? (splitter ? [splitter] : [])) {
    const { type, use_regex: splits = true, add_prefix_space: addsSpace = false } = step.config ?? {};
    if (type === 'ByteLevel' && !splits && !addsSpace) step.pre_tokenize_text = (text) => [byteLevelText(text)];
  }
  const marksEnds = Boolean(model.end_of_word_suffix) || Boolean(model.continuing_subword_suffix);
  if (model.config.type === 'BPE' && !marksEnds) model.bpe = pieceMerges(model.merges);
}
