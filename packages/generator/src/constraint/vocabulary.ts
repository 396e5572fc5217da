// V tokens
import { Automaton, DEAD } from './automaton.ts';
import { repeat } from './grammar.ts';
import { networkOf } from './network.ts';
import { buildTokenTrie, pauses, type TokenTrie } from './token-trie.ts';
import { characters } from './utf8.ts';

/** The tokens of a model by their bytes. */
export interface Vocabulary {
  readonly vocabSize: number;
  /** The bytes of a token; none for tokens that print nothing, which no constraint allows. */
  bytesOf(tokenId: number): Uint8Array;
  /** Tokens of whole characters that JSON writes as they are: nearly all, and where all such texts go on, all of them do. */
  readonly plain: { readonly trie: TokenTrie; readonly mask: Uint32Array };
  /** The other tokens. */
  readonly others: TokenTrie;
}

/** The event loop is given back after so long. */
const MS_PER_SLICE = 1;
/** Longer tokens are few, such as rows of spaces. */
const MAX_PLAIN_BYTES = 24;

/** Reads tokens of characters other than control characters, quotes and backslashes. */
const plainTexts = new Automaton(
  networkOf(
    repeat(
      characters([
        [0x20, 0x21],
        [0x23, 0x5b],
        [0x5d, 0x7e],
        [0x80, 0x10ffff],
      ]),
      1,
      Number.POSITIVE_INFINITY,
    ),
  ),
);

/** Reads the tokens below `vocabSize`, in slices of a millisecond. */
export async function readVocabulary(
  tokenBytes: (id: number) => Uint8Array | undefined,
  vocabSize: number,
): Promise<Vocabulary> {
  const pause = pauses(MS_PER_SLICE);
  const none = new Uint8Array(0);
  const spelled: Uint8Array[] = [];
  const plainIds: number[] = [];
  const otherIds: number[] = [];
  const mask = new Uint32Array(Math.ceil(vocabSize / 32));
  for (let id = 0; id < vocabSize; id++) {
    const bytes = tokenBytes(id) ?? none;
    spelled.push(bytes);
    if (isPlain(bytes)) {
      plainIds.push(id);
      mask[id >>> 5]! |= 1 << (id & 31);
    } else if (bytes.length > 0) otherIds.push(id);
    if (id % 128 === 0) await pause();
  }
  const bytesOf = (id: number): Uint8Array => spelled[id] ?? none;
  const trie = await buildTokenTrie(plainIds, bytesOf, pause);
  return { vocabSize, bytesOf, plain: { trie, mask }, others: await buildTokenTrie(otherIds, bytesOf, pause) };
}

function isPlain(bytes: Uint8Array): boolean {
  if (bytes.length > MAX_PLAIN_BYTES) return false;
  let state = plainTexts.start;
  for (const byte of bytes) state = plainTexts.next(state, byte);
  return plainTexts.accepts(state);
}

/** More places than this in texts are not looked at: a walk over the tokens finds out as well. */
const MAX_PLACES = 400;

/** Whether every text of plain characters, of `maxBytes` at most, goes on from a state. */
export function readsAnyPlainText(automaton: Automaton, state: number, maxBytes: number): boolean {
  const bytes = distinctBytes(automaton);
  let places: readonly (readonly [plain: number, state: number])[] = [[plainTexts.start, state]];
  const seen = new Set<number>();
  for (let numBytes = 0; numBytes < maxBytes && places.length > 0; numBytes++) {
    const next: (readonly [number, number])[] = [];
    for (const [plain, from] of places) {
      for (const byte of bytes) {
        const after = plainTexts.next(plain, byte);
        if (after === DEAD) continue;
        const to = automaton.next(from, byte);
        if (to === DEAD) return false;
        const key = to * 0x100 + after; // of the few states of plain texts
        if (seen.has(key)) continue;
        seen.add(key);
        next.push([after, to]);
      }
    }
    if (seen.size > MAX_PLACES) return false;
    places = next;
  }
  return true;
}

/** A byte for each pair of classes of bytes, of plain texts and of an automaton. */
function distinctBytes({ classOf }: Automaton): readonly number[] {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  return [...new Map(bytes.map((byte) => [classOf[byte]! * 0x100 + plainTexts.classOf[byte]!, byte])).values()];
}
