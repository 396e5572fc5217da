import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { distance, nearestKeys, nearestNames } from '../src/settings/suggestion.ts';

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 7 });

describe('the distance of two words', () => {
  test('is 0 for equal ones alone, the same both ways, and no longer than the longer word', () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(distance(a, b) === 0).toBe(a === b);
        expect(distance(a, b)).toBe(distance(b, a));
        expect(distance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(distance(a, b)).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      }),
    );
  });

  test('is 1 for a letter that is left out, and for two neighbours that are swapped', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{2,8}$/), fc.nat(), (text, at) => {
        const i = at % (text.length - 1);
        expect(distance(text, text.slice(0, i) + text.slice(i + 1))).toBe(1);
        const swapped = text.slice(0, i) + text[i + 1]! + text[i]! + text.slice(i + 2);
        expect(distance(text, swapped)).toBe(swapped === text ? 0 : 1);
      }),
    );
  });
});

test('a name is suggested when a third of its letters or fewer are wrong', () => {
  expect(nearestNames('cosin', ['linear', 'cosine'])).toEqual(['cosine']);
  expect(nearestNames('luck', ['math', 'thinking'])).toEqual([]);
});

test('a key is found in the section where it is, and in all that have it', () => {
  const keys = ['run.seed', 'generator.maxTokens', 'generator.threads', 'trainer.threads'];
  expect(nearestKeys('maxTokens', keys)).toEqual(['generator.maxTokens']);
  expect(nearestKeys('trainer.max_tokens', keys)).toEqual(['generator.maxTokens']);
  expect(nearestKeys('threads', keys)).toEqual(['generator.threads', 'trainer.threads']);
  expect(nearestKeys('trainer.thread', keys)).toEqual(['trainer.threads']);
});
