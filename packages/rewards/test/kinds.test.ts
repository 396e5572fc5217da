import { describe, expect, test } from 'vitest';
import { exactMatchReward, jsonReward, mathReward, overlongReward, weightedReward } from '../src/index.ts';
import { languageReward } from '../src/language.ts';

const score = (reward: (sample: never) => unknown, completion: string, target = '') =>
  reward({ prompt: '', completion, target } as never);

describe('math, stricter than TorchForge', () => {
  test.each([
    ['<answer>4</answer>', '4', 1],
    ['<answer>3</answer><answer>4</answer>', '4', 1],
    ['<answer>4</answer><answer>3</answer>', '4', 0],
    ['<ANSWER>4</Answer>', '4', 1],
    ['it is 4', '4', 0.1],
    ['it is 4.', '4', 0.1],
    ['it is $4.00, then', '4', 0.1],
    ['it is 144', '4', 0],
    ['it is 4.5', '4', 0],
    ['it is 1,234', '1234', 0.1],
    ['it is 1,234', '234', 0],
    ['x4', '4', 0],
    ['it is -4', '4', 0],
    ['it is -4', '-4', 0.1],
    ['7-4', '4', 0.1],
    ['<answer>inf</answer>', 'inf', 0],
    ['<answer>nan</answer>', 'nan', 0],
    ['<answer>4', '4', 0.1],
    ['', '4', 0],
  ])('%s for %s scores %d', (completion, target, expected) => {
    expect(score(mathReward(), completion, target)).toBe(expected);
  });

  test('is linear in a text of tags and digits', () => {
    expect(score(mathReward(), '<answer>'.repeat(100_000), '4')).toBe(0);
    expect(score(mathReward(), '1,234'.repeat(100_000), '4')).toBe(0);
    expect(score(mathReward(), '1'.repeat(500_000), '4')).toBe(0);
  });
});

describe('exact match', () => {
  test.each([
    ['<answer> The  Cat </answer>', 'the cat', 1],
    ['I say \\boxed{a{b}c}', 'a{b}c', 1],
    ['the cat', 'The Cat', 1],
    ['a cat', 'the cat', 0],
    ['caf\u0065\u0301', 'café', 1],
  ])('%s for %s scores %d', (completion, target, expected) => {
    expect(score(exactMatchReward(), completion, target)).toBe(expected);
  });

  test('by case, and of the whole completion, where asked for', () => {
    expect(score(exactMatchReward({ caseSensitive: true }), 'A', 'a')).toBe(0);
    expect(score(exactMatchReward({ of: 'completion' }), '<answer>a</answer>', 'a')).toBe(0);
  });
});

describe('length', () => {
  const reward = overlongReward({ maxLength: 10, cacheLength: 4 });
  test.each([
    ['', 0],
    ['123456', 0],
    ['1234567', -0.25],
    ['12345678', -0.5],
    ['1234567890', -1],
    ['12345678901234', -1],
    ['😀😀😀😀😀😀😀', -0.25],
  ])('%s scores %d', (completion, expected) => {
    expect(score(reward, completion)).toBeCloseTo(expected, 12);
  });

  test('lengths that contradict each other are refused', () => {
    expect(() => overlongReward({ maxLength: 3, cacheLength: 4 })).toThrow(RangeError);
  });
});

describe('JSON', () => {
  test.each([
    ['{"a": 1}', 1],
    ['Here:\n```json\n{"a": 1}\n```\n', 1],
    ['{"a": 1', 0],
    ['text', 0],
    ['', 0],
  ])('%s scores %d', (completion, expected) => {
    expect(score(jsonReward(), completion)).toBe(expected);
  });

  test('that does not fit, or cannot be judged, scores 0', () => {
    const reward = jsonReward({ fits: (value) => (value as { a: { b: number } }).a.b === 1 });
    expect([score(reward, '{"a":{"b":1}}'), score(reward, '{"a":{"b":2}}'), score(reward, '{}')]).toEqual([1, 0, 0]);
  });
});

describe('language', () => {
  test.each([
    ['en', '<think>Six times seven is forty two, so this is the answer.</think> 42', 1],
    ['en', '<think>Sechs mal sieben ist zweiundvierzig, das ist die Antwort.</think> 42', 0],
    ['ja', '<think>六かける七は四十二です</think> The answer is forty two.', 1],
    ['ja', '<think>これは</think><think>These are two blocks, mostly in the English language.</think>', 0],
    ['de', 'Die Antwort ist zweiundvierzig.', 1],
    ['en', '42', 0],
    ['en', '', 0],
  ])('%s: %s scores %d', (language, completion, expected) => {
    expect(score(languageReward({ language }), completion)).toBe(expected);
  });

  test('that nobody knows is refused', () => {
    expect(() => languageReward({ language: 'xx' })).toThrow(RangeError);
  });
});

describe('several rewards', () => {
  test('give their weighted mean, and each part', () => {
    const reward = weightedReward({ a: () => 1, b: { reward: () => 0.5, weight: 3 } });
    expect(reward({ prompt: '', completion: '', target: '' })).toEqual({
      reward: 0.625,
      parts: { a: 1, b: 0.5 },
      problems: {},
    });
  });

  test('of which one throws, or gives no number, leave the sample unscored, and say why', () => {
    const broken = () => {
      throw new Error('no judge');
    };
    expect(
      weightedReward({ a: () => 1, broken, nan: () => Number.NaN })({ prompt: '', completion: '', target: '' }),
    ).toEqual({
      reward: undefined,
      parts: { a: 1, broken: undefined, nan: undefined },
      problems: { broken: 'no judge', nan: 'it gave NaN' },
    });
  });

  test('with weights that sum to nothing are refused', () => {
    expect(() => weightedReward({})).toThrow(RangeError);
    expect(() => weightedReward({ a: { reward: () => 1, weight: 0 } })).toThrow(RangeError);
  });
});
