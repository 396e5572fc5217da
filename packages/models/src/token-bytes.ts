import { isRecord } from './config-fields.ts';

/** How the tokens of a tokenizer spell their bytes. */
export interface TokenSpelling {
  /** The bytes of a token as the vocabulary writes it; `undefined` when it is not written by these rules. */
  readonly bytesOf: (token: string) => Uint8Array<ArrayBuffer> | undefined;
  /** Whether a space at the beginning of a text is not printed. */
  readonly dropsLeadingSpace: boolean;
}

const encoder = new TextEncoder();

/**
 * How tokens spell bytes, by the decoder in `tokenizer.json`: a character a byte, as in GPT-2's vocabulary, or the text
 * itself with `▁` for spaces and `<0x0A>` for bytes, as in sentencepiece's. `undefined` for decoders of other kinds.
 */
export function tokenSpelling(decoder: unknown): TokenSpelling | undefined {
  const steps = stepsOf(decoder);
  const types = steps.map((step) => step['type']);
  if (types.length === 1 && types[0] === 'ByteLevel') return { bytesOf: byteLevelBytes, dropsLeadingSpace: false };
  const isMetaspace = types.length === 1 && types[0] === 'Metaspace';
  if (!isMetaspace && !steps.every(isOfSentencePiece)) return undefined;
  const space = steps.find(({ type }) => type === 'Metaspace')?.['replacement'] ?? '\u2581';
  const hasBytes = types.includes('ByteFallback');
  return {
    bytesOf: (token) => {
      const byte = hasBytes ? /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1] : undefined;
      return byte === undefined
        ? encoder.encode(token.replaceAll(String(space), ' '))
        : Uint8Array.of(Number.parseInt(byte, 16));
    },
    dropsLeadingSpace: isMetaspace || types.includes('Strip'),
  };
}

function stepsOf(decoder: unknown): readonly Readonly<Record<string, unknown>>[] {
  if (!isRecord(decoder)) return [{}];
  return decoder['type'] === 'Sequence' && Array.isArray(decoder['decoders'])
    ? decoder['decoders'].flatMap(stepsOf)
    : [decoder];
}

/** The steps of Llama 2's decoder: `▁` to space, bytes to characters, one space less at the beginning. */
function isOfSentencePiece(step: Readonly<Record<string, unknown>>): boolean {
  const { type, pattern, content, start, stop } = step;
  if (type === 'ByteFallback' || type === 'Fuse') return true;
  if (type === 'Replace') return isRecord(pattern) && pattern['String'] === '\u2581' && content === ' ';
  return type === 'Strip' && content === ' ' && start === 1 && (stop ?? 0) === 0;
}

/** Source: `bytes_to_unicode` of GPT-2's encoder.py: printable bytes are themselves, the others follow from U+0100 on. */
const byteOfCharacter: ReadonlyMap<string, number> = (() => {
  const isItself = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let numMoved = 0;
  const entries = Array.from({ length: 256 }, (_, byte): [string, number] => {
    return [String.fromCharCode(isItself(byte) ? byte : 256 + numMoved++), byte];
  });
  return new Map(entries);
})();

/** By byte. */
const characterOfByte: readonly string[] = [...byteOfCharacter]
  .toSorted(([, a], [, b]) => a - b)
  .map(([character]) => character);

/** A text as GPT-2's vocabulary writes it: a character for each byte of its UTF-8. */
export function byteLevelText(text: string): string {
  let spelled = '';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return Array.from(encoder.encode(text), (byte) => characterOfByte[byte]).join('');
    spelled += characterOfByte[code];
  }
  return spelled;
}

function byteLevelBytes(token: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = Array.from(token, (character) => byteOfCharacter.get(character));
  return bytes.every((byte) => byte !== undefined) ? Uint8Array.from(bytes) : undefined;
}
