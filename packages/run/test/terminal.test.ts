import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Progress } from '../src/display/progress.ts';
import { progressBlock } from '../src/display/progress-lines.ts';
import { sparkline } from '../src/display/sparkline.ts';
import { FakeTerminal } from './fixtures/fake-terminal.ts';

function open(columns: number, env: Readonly<Record<string, string>> = {}) {
  const terminal = new FakeTerminal(columns);
  let seconds = 0;
  const progress = new Progress({ stream: terminal, shared: [], now: () => seconds * 1000, env });
  return { terminal, progress, at: (value: number) => (seconds = value) };
}

/** Ten steps of a phase of forty, one a second. */
function tenSteps(columns = 80, env?: Readonly<Record<string, string>>) {
  const { terminal, progress, at } = open(columns, env);
  progress.start('grpo', 40);
  for (let step = 1; step <= 10; step++) {
    at(step);
    const reward = step / 10;
    progress.update(step, { reward: reward.toFixed(3), age: '1.0', 'tokens/s': '5120' }, { reward });
  }
  return { terminal, progress, at };
}

const block = [
  'grpo  ████████░░░░░░░░░░░░░░░░░░░░░░░░  10/40  1.0 steps/s  30 s left',
  'reward  ▁▂▃▄▅▅▆▇██  1.000',
  'age 1.0  tokens/s 5120',
];

test('a terminal shows the phase, trends over the last steps and what else is told, renewed in place', () => {
  const { terminal, progress } = tenSteps();
  expect(terminal.lines).toEqual(block);
  progress.end();
});

test('each renewal is one write that clears no line before it is written again: nothing flickers', () => {
  const { terminal, progress } = tenSteps();
  const before = terminal.raw.length;
  progress.update(11, { reward: '1.000', age: '1.0', 'tokens/s': '5120' }, { reward: 1 });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: of a terminal
  expect(terminal.raw.slice(before)).toMatch(/^\r\x1b\[2A[^\r]*\x1b\[J$/);
  progress.end();
});

test('notes, and what others write, come above the block, whole', () => {
  const { terminal, progress } = tenSteps();
  progress.note('a note');
  terminal.write('of an actor\n');
  terminal.write(Buffer.from('in two '));
  expect(terminal.lines).toEqual(['a note', 'of an actor', 'in two']);
  terminal.write('parts\n');
  expect(terminal.lines).toEqual(['a note', 'of an actor', 'in two parts', ...block]);
  progress.end();
  terminal.write('after the end\n');
  expect(terminal.lines).toEqual(['a note', 'of an actor', 'in two parts', ...block, 'after the end']);
});

test('the next phase begins below the last', () => {
  const { terminal, progress } = tenSteps();
  progress.start('next', 2);
  progress.update(1, { loss: '2' });
  expect(terminal.lines.slice(0, 3)).toEqual(block);
  expect(terminal.lines[3]).toMatch(/^next /);
  progress.end();
});

test('a terminal that has become narrower keeps no remains of a wrapped block', () => {
  const { terminal, progress } = tenSteps();
  progress.note('above');
  terminal.resize(30);
  progress.update(11, { reward: '1.000', age: '1.0' }, { reward: 1 });
  expect(terminal.lines).toEqual(['above', 'grpo  11/40  1.1 steps/s  26', 'reward  ▁▂▃▄▅▅▆▇███  1.000', 'age 1.0']);
  progress.end();
});

test('colours are there, but for those who do not want them', () => {
  const green = '\x1b[32m█';
  expect(tenSteps(80).terminal.raw).toContain(green);
  expect(tenSteps(80, { NO_COLOR: '1' }).terminal.raw).not.toContain(green);
  expect(tenSteps(80, { NO_COLOR: '' }).terminal.raw).toContain(green);
});

test('a terminal that can do nothing gets plain lines', () => {
  const { terminal } = tenSteps(120, { TERM: 'dumb' });
  expect(terminal.raw).not.toContain('\x1b');
  expect(terminal.lines.at(-1)).toMatch(/^grpo .* left$/);
});

test('no line of a block is wider than it may be', () => {
  const atBegin = { phase: 'grpo', done: 0, total: 1, rate: 0, secondsLeft: 0, fields: {} };
  const words = fc.string({ minLength: 1, maxLength: 12 });
  const state = fc.record({
    phase: words,
    done: fc.nat(1000),
    total: fc.integer({ min: 1, max: 1000 }),
    rate: fc.oneof(fc.float(), fc.constant(Number.NaN)),
    secondsLeft: fc.float({ min: 0, noNaN: true }),
    fields: fc.dictionary(words, words, { maxKeys: 5 }),
    trends: fc.dictionary(words, fc.array(fc.double()), { maxKeys: 3 }),
  });
  fc.assert(
    fc.property(state, fc.integer({ min: 1, max: 120 }), (shown, columns) => {
      for (const line of progressBlock(shown, columns)) {
        expect(line.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(columns);
      }
    }),
    { examples: [[{ ...atBegin, trends: { constructor: [0, 0] } }, 1]] },
  );
});

test('a sparkline has a bar for each of the last values; shares are drawn from 0 to 1', () => {
  expect(sparkline([0, 0.25, 0.5, 1], 10)).toBe('▁▃▅█');
  expect(sparkline([9, 1, 2, 3], 3)).toBe('▁▅█');
  expect(sparkline([3, 3, Number.NaN], 5)).toBe('▅▅ ');
  expect(sparkline([], 5)).toBe('');
});
