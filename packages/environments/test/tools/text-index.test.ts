import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { searchTool } from '../../src/tools/search.ts';
import { TextIndex } from '../../src/tools/text-index.ts';

const documents = ['The cat sat.', 'The dog ran, and ran.', 'A dog sat by the other dog.', ''];

describe('a text index', () => {
  test('finds documents by their words, whatever the case, the best first', () => {
    const index = new TextIndex(documents);
    expect(index.search('DOG').map(({ place }) => place)).toEqual([2, 1]);
    expect(index.search('dog sat').map(({ place }) => place)).toEqual([2, 0, 1]);
    expect(index.search('ran', 1)).toMatchObject([{ place: 1, text: documents[1] }]);
    expect(index.search('bird')).toEqual([]);
    expect(index.search('')).toEqual([]);
    expect(new TextIndex([]).search('dog')).toEqual([]);
  });

  test('scores by BM25', () => {
    const [found] = new TextIndex(documents).search('cat');
    const mean = (3 + 5 + 7 + 0) / 4;
    const rarity = Math.log(1 + (4 - 1 + 0.5) / (1 + 0.5));
    expect(found!.score).toBeCloseTo((rarity * 2.2) / (1 + 1.2 * (0.25 + (0.75 * 3) / mean)), 12);
  });

  test('finds no document without a word of the query, and every one that has a word of its own in it', () => {
    const word = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    fc.assert(
      fc.property(fc.array(fc.array(word), { maxLength: 8 }), fc.array(word), (texts, query) => {
        const found = new TextIndex(texts.map((text) => text.join(' '))).search(query.join(' '), 100);
        const wanted = texts.flatMap((text, place) => (text.some((each) => query.includes(each)) ? [place] : []));
        expect(found.map(({ place }) => place).toSorted((a, b) => a - b)).toEqual(wanted);
        const scores = found.map(({ score }) => score);
        expect(scores).toEqual(scores.toSorted((a, b) => b - a));
      }),
    );
  });
});

test('the search tool shows the best documents, one a line', () => {
  const tool = searchTool(documents, { maxResults: 2 });
  const context = { signal: new AbortController().signal };
  expect(tool.call({ query: 'dog sat' }, context)).toBe('A dog sat by the other dog.\nThe cat sat.');
  expect(tool.call({ query: 'bird' }, context)).toBe('Nothing was found.');
});
