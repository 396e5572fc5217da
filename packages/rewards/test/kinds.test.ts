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

  test('counts tokens where they are known', () => {
    expect(reward({ prompt: '', completion: '1', target: '', tokens: 8 })).toBe(-0.5);
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
  const sample = { prompt: '', completion: '', target: '' };

  test('give their weighted mean, and each part', async () => {
    const reward = weightedReward({ a: () => 1, b: { reward: async () => 0.5, weight: 3 } });
    expect(await reward(sample)).toEqual({ reward: 0.625, parts: { a: 1, b: 0.5 }, problems: {} });
  });

  test('of which one does not apply give the mean of the others', async () => {
    const reward = weightedReward({ a: () => 1, b: { reward: () => undefined, weight: 3 }, c: () => 0 });
    expect(await reward(sample)).toEqual({ reward: 0.5, parts: { a: 1, b: undefined, c: 0 }, problems: {} });
  });

  test('of which none applies give none, and that is no problem', async () => {
    const reward = weightedReward({ a: () => undefined, told: { reward: () => 1, weight: 0 } });
    expect(await reward(sample)).toEqual({ reward: undefined, parts: { a: undefined, told: 1 }, problems: {} });
  });

  test('of which one throws, or gives no number, leave the sample unscored, and say why', async () => {
    const broken = () => {
      throw new Error('no judge');
    };
    const parts = {
      a: () => 1,
      broken,
      nan: () => Number.NaN,
      late: () => Promise.reject(new Error('no line')),
      text: () => '1' as never,
    };
    expect(await weightedReward(parts)(sample)).toEqual({
      reward: undefined,
      parts: { a: 1, broken: undefined, nan: undefined, late: undefined, text: undefined },
      problems: {
        broken: { reason: 'threw', message: 'no judge' },
        nan: { reason: 'notANumber', message: 'it gave NaN' },
        late: { reason: 'threw', message: 'no line' },
        text: { reason: 'notANumber', message: 'it gave "1"' },
      },
    });
  });

  test('of which one never answers leave the sample unscored after its time', async () => {
    const never = () => new Promise<number>(() => {});
    const score = await weightedReward({ a: () => 1, never }, { timeoutMs: 1 })(sample);
    expect(score.reward).toBeUndefined();
    expect(score.problems).toEqual({ never: { reason: 'timedOut', message: 'it took more than 1 ms' } });
  });

  test('are scored at the same time', async () => {
    const first = Promise.withResolvers<number>();
    const reward = weightedReward({
      a: () => first.promise,
      b: () => {
        first.resolve(1);
        return 0;
      },
    });
    expect((await reward(sample)).reward).toBe(0.5);
  });

  test('with weights that sum to nothing, or are none, are refused', () => {
    expect(() => weightedReward({})).toThrow(RangeError);
    expect(() => weightedReward({ a: { reward: () => 1, weight: 0 } })).toThrow(RangeError);
    expect(() => weightedReward({ a: { reward: () => 1, weight: -1 }, b: () => 1 })).toThrow('weight of a is -1');
  });
});
