import { expect, test } from 'vitest';
import { shownCompletions } from '../../src/training/shown-completions.ts';

const episodes = [0.5, undefined, 1, 0, 0.75].map((reward) => ({
  prompt: 'How\nmany?',
  completion: `${reward}`,
  reward,
}));

test('the best and the worst are shown, each on a line, and none twice', () => {
  expect(shownCompletions(episodes, 1)).toEqual(['best  1.000  How many? → 1', 'worst 0.000  How many? → 0']);
  expect(shownCompletions(episodes, 3).map((line) => line.slice(0, 11))).toEqual([
    'best  1.000',
    'best  0.750',
    'best  0.500',
    'worst 0.000',
  ]);
});

test('none are shown where none are wanted', () => {
  expect(shownCompletions(episodes, 0)).toEqual([]);
});

test('of a long text its end is shown', () => {
  const [line] = shownCompletions([{ prompt: `${'x'.repeat(1_000)}?`, completion: '', reward: 1 }], 1);
  expect(line).toMatch(/^best {2}1\.000 {2}…x{199}\? → $/);
});
