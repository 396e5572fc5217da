import { expect, test } from 'vitest';
import { duration, Progress } from '../src/display/progress.ts';
import { curvesSvg } from '../src/record/curves.ts';

function screen(isTTY: boolean) {
  let text = '';
  let seconds = 0;
  const stream = {
    isTTY,
    write: (part: string) => {
      text += part;
      return true;
    },
  };
  const progress = new Progress({ stream, now: () => seconds * 1000 });
  return { progress, at: (value: number) => (seconds = value), shown: () => text };
}

test('a step shows how far it is, its rate and the time left', () => {
  const { progress, at, shown } = screen(false);
  progress.start('grpo', 40);
  at(5);
  progress.update(10, { reward: '0.500', accuracy: undefined });
  expect(shown()).toBe('grpo    █████░░░░░░░░░░░░░░░ 10/40  reward 0.500  2.0 steps/s  15 s left\n');
});

test('the rate of a run that goes on is that of the steps it takes now', () => {
  const { progress, at, shown } = screen(false);
  progress.start('grpo', 40, 20);
  at(5);
  progress.update(30, {});
  expect(shown()).toBe('grpo    ███████████████░░░░░ 30/40  2.0 steps/s  5 s left\n');
});

test('where the output is no terminal, lines come every few seconds and at the end', () => {
  const { progress, at, shown } = screen(false);
  progress.start('grpo', 100);
  for (let step = 1; step <= 100; step++) {
    at(step / 10);
    progress.update(step, {});
  }
  expect(shown().trimEnd().split('\n')).toHaveLength(3);
});

test('a terminal line is renewed in place, and a note does not break it', () => {
  const { progress, at, shown } = screen(true);
  progress.start('grpo', 2);
  at(1);
  progress.update(1, {});
  progress.note('saved');
  const [line, note] = shown().split('\n');
  expect(line).toMatch(/^\r.*grpo .* left$/);
  expect(note).toBe('saved');
});

test('durations read as a person says them', () => {
  expect([duration(4.4), duration(125), duration(Number.POSITIVE_INFINITY)]).toEqual(['4 s', '2 min 05 s', '?']);
});

test('a picture holds every point inside its frame and escapes its texts', () => {
  const svg = curvesSvg(
    [
      {
        label: 'a < b',
        color: '#000',
        points: [
          [0, -1],
          [10, 2],
        ],
      },
    ],
    { title: 't', xLabel: 's' },
  );
  expect(svg).toContain('points="46.0,280.0 744.0,34.0"');
  expect(svg).toContain('a &lt; b');
});
