/** A document that was found. */
export interface Found {
  readonly text: string;
  /** Its place among the documents. */
  readonly place: number;
  readonly score: number;
}

/** How fast further occurrences of a word count less, and how much long documents are held back: the usual values. */
const [K1, B] = [1.2, 0.75];

interface Posting {
  readonly place: number;
  readonly count: number;
}

/**
 * Texts that can be searched by words, ranked by BM25 with idf `ln(1 + (N − n + ½)/(n + ½))`. Case does not matter.
 *
 * Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009).
 */
export class TextIndex {
  readonly #documents: readonly string[];
  readonly #postings = new Map<string, Posting[]>();
  readonly #lengths: readonly number[];
  readonly #meanLength: number;

  constructor(documents: readonly string[]) {
    this.#documents = documents;
    this.#lengths = documents.map((text, place) => {
      const counts = new Map<string, number>();
      const words = wordsOf(text);
      for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
      for (const [word, count] of counts) {
        const postings = this.#postings.get(word) ?? [];
        postings.push({ place, count });
        this.#postings.set(word, postings);
      }
      return words.length;
    });
    this.#meanLength = this.#lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, documents.length);
  }

  /** The documents that fit best, at most `limit`; equally good ones in their order. Empty when no word occurs. */
  search(query: string, limit = 3): readonly Found[] {
    const scores = new Map<number, number>();
    for (const word of new Set(wordsOf(query))) {
      const postings = this.#postings.get(word) ?? [];
      const rarity = Math.log(1 + (this.#documents.length - postings.length + 0.5) / (postings.length + 0.5));
      for (const { place, count } of postings) {
        const length = this.#lengths[place]! / this.#meanLength; // every posting is of a document
        const weight = (count * (K1 + 1)) / (count + K1 * (1 - B + B * length));
        scores.set(place, (scores.get(place) ?? 0) + rarity * weight);
      }
    }
    return [...scores]
      .toSorted(([a, left], [b, right]) => right - left || a - b)
      .slice(0, limit)
      .map(([place, score]) => ({ text: this.#documents[place]!, place, score }));
  }
}

function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}
