import { expect, test } from 'vitest';
import type { Clock } from '../src/clock.ts';
import { LogLines, lineSplitter, Tail } from '../src/process/log-lines.ts';

/** Windows end when the test says so. */
class ManualClock implements Clock {
  #tasks = new Set<() => void>();
  now = () => 0;
  after = (_: number, task: () => void) => {
    this.#tasks.add(task);
    return () => void this.#tasks.delete(task);
  };
  soon = (task: () => void) => void this.after(0, task);
  pass(): void {
    const due = [...this.#tasks];
    this.#tasks.clear();
    for (const task of due) task();
  }
}

test('the same line of several processes becomes one, and the order of each process is kept', () => {
  const clock = new ManualClock();
  const written: string[] = [];
  const logs = new LogLines(clock, (_, line) => written.push(line));
  const print = (rank: number, texts: readonly string[]) => {
    for (const text of texts) logs.add(sources[rank] ?? {}, `w/${rank}`, 'stdout', text);
  };
  const sources = [{}, {}, {}];
  print(0, ['loading', 'ready']);
  print(1, ['loading', 'rank 1', 'ready']);
  print(2, ['loading', 'ready']);
  expect(written).toEqual([]);
  clock.pass();
  expect(written).toEqual([
    '[3 similar log lines] [w/0] loading',
    '[2 similar log lines] [w/0] ready',
    '[w/1] rank 1',
    '[w/1] ready',
  ]);
});

test('a line that comes back after another is written again', () => {
  const clock = new ManualClock();
  const written: string[] = [];
  const logs = new LogLines(clock, (stream, line) => written.push(`${stream} ${line}`));
  const source = {};
  for (const text of ['a', 'a', 'b', 'a']) logs.add(source, 'w/0', 'stderr', text);
  logs.add(source, 'w/0', 'stdout', 'a');
  logs.flush();
  expect(written).toEqual([
    'stderr [2 similar log lines] [w/0] a',
    'stderr [w/0] b',
    'stderr [w/0] a',
    'stdout [w/0] a',
  ]);
  clock.pass();
  expect(written).toHaveLength(4);
});

test('lines are whole however they arrive', () => {
  const lines: string[] = [];
  const { write, end } = lineSplitter((line) => lines.push(line));
  for (const part of ['on', 'e\ntw', 'o\r\n', '\n', 'rest']) write(part);
  end();
  expect(lines).toEqual(['one', 'two', '', 'rest']);
});

test('a tail keeps the last twenty lines', () => {
  const tail = new Tail();
  for (let i = 0; i < 25; i++) tail.add(`${i}`);
  expect([tail.lines.length, tail.lines[0], tail.lines.at(-1)]).toEqual([20, '5', '24']);
});
