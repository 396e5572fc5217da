import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadTokenizer } from '../src/index.ts';
import { tokenSpelling } from '../src/token-bytes.ts';
import { goldenFolder } from './temporary-folder.ts';

const tokenizer = await loadTokenizer(goldenFolder('tokenizer'));
const text = (bytes: readonly (Uint8Array | undefined)[]) =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes.flatMap((part) => [...(part ?? [])])));

describe('the bytes of tokens', () => {
  test('joined, are the text of any tokens without special ones', () => {
    const ids = fc.array(fc.nat({ max: tokenizer.vocabSize + 10 }), { minLength: 1 });
    fc.assert(
      fc.property(ids, (given) => {
        expect(text(given.map((id) => tokenizer.tokenBytes(id)))).toBe(
          tokenizer.decode(given, { skipSpecialTokens: true }),
        );
      }),
    );
  });

  test('are those of the text itself for added tokens that are not special, and none for special ones', () => {
    expect(text([tokenizer.tokenBytes(tokenizer.tokenId('<think>')!)])).toBe('<think>');
    expect(tokenizer.tokenBytes(tokenizer.tokenId('<|im_end|>')!)).toBeUndefined();
    expect(tokenizer.tokenBytes(tokenizer.vocabSize)).toBeUndefined();
  });

  test('of sentencepiece have spaces for ▁ and bytes for <0x0A>', () => {
    const spelling = tokenSpelling({
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    })!;
    expect(spelling.dropsLeadingSpace).toBe(true);
    expect(text([spelling.bytesOf('▁Yes▁')])).toBe(' Yes ');
    expect(spelling.bytesOf('<0xF0>')).toEqual(Uint8Array.of(0xf0));
  });

  test('are unknown where a decoder does more than putting bytes together', () => {
    expect(tokenSpelling({ type: 'WordPiece', prefix: '##' })).toBeUndefined();
    expect(tokenSpelling(null)).toBeUndefined();
    const upper = { type: 'Replace', pattern: { String: '▁' }, content: '_' };
    expect(tokenSpelling({ type: 'Sequence', decoders: [upper] })).toBeUndefined();
  });
});
