import { expect, test } from 'vitest';
import { duration } from '../src/display/duration.ts';
import { Progress } from '../src/display/progress.ts';
import { curvesSvg } from '../src/record/curves.ts';

function log() {
  let text = '';
  let seconds = 0;
  const stream = {
    write: (part: string | Uint8Array) => {
      text += part;
      return true;
    },
  };
  const progress = new Progress({ stream, shared: [], now: () => seconds * 1000 });
  return { progress, at: (value: number) => (seconds = value), shown: () => text };
}

test('a step shows how far it is, its rate and the time left', () => {
  const { progress, at, shown } = log();
  progress.start('grpo', 40);
  at(5);
  progress.update(10, { reward: '0.500', accuracy: undefined });
  expect(shown()).toBe('grpo    █████░░░░░░░░░░░░░░░ 10/40  reward 0.500  2.0 steps/s  15 s left\n');
});

test('the rate of a run that goes on is that of the steps it takes now', () => {
  const { progress, at, shown } = log();
  progress.start('grpo', 40, 20);
  at(5);
  progress.update(30, {});
  expect(shown()).toBe('grpo    ███████████████░░░░░ 30/40  2.0 steps/s  5 s left\n');
});

test('where the output is no terminal, lines come every few seconds and at the end', () => {
  const { progress, at, shown } = log();
  progress.start('grpo', 100);
  for (let step = 1; step <= 100; step++) {
    at(step / 10);
    progress.update(step, {});
  }
  expect(shown().trimEnd().split('\n')).toHaveLength(3);
});

test('durations read as a person says them', () => {
  expect([4.4, 125, 3600 * 30 + 61, Infinity].map(duration)).toEqual(['4 s', '2 min 05 s', '30 h 01 min', '?']);
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
