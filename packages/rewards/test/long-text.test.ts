import { describe, expect, test } from 'vitest';
import { mathReward } from '../src/math.ts';
import { parseNumber } from '../src/number.ts';
import { thinkingReward } from '../src/thinking.ts';

// A backtracking implementation needs hours for these; a linear one milliseconds, so the test's own time limit decides.
const repeated = (part: string) => part.repeat(Math.ceil(4_000_000 / part.length));

describe.each([
  ['open think tags', repeated('<think>')],
  ['close think tags', repeated('</think>')],
  ['open answer tags', repeated('<answer>')],
  ['angles', repeated('<')],
  ['one tag of white space', `<${repeated(' ')}`],
  ['tags of white space', repeated('<  \n')],
  ['think without a close', repeated('<think\t')],
  ['empty blocks', repeated('<think> </think>')],
  ['digits', `${repeated('7')}x`],
  ['underscores', repeated('1_')],
])('a text of four million characters: %s', (_, text) => {
  test('is scored in linear time', () => {
    const math = mathReward()({ prompt: '', completion: text, target: '42' });
    const thinking = thinkingReward()({ prompt: '', completion: text, target: '' });
    expect(math).toBe(0);
    expect(thinking).toBe(/<\/?think>/.test(text) ? 0.2 : 0);
    expect(parseNumber(text)).toBeUndefined();
    expect(mathReward()({ prompt: '', completion: `<answer>${text}</answer>`, target: '42' })).toBe(0);
  });
});
