import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Tail } from '../../src/children/tail.ts';
import { GroupLog } from '../../src/seeing/group-log.ts';
import { likeness } from '../../src/seeing/likeness.ts';
import { lineSplitter } from '../../src/seeing/line-splitter.ts';
import { frameText, parseFrame } from '../../src/seeing/log-frame.ts';
import { levelOf } from '../../src/seeing/log-level.ts';
import type { LogLine } from '../../src/seeing/log-line.ts';
import { logPrinter, logRelay } from '../../src/seeing/log-outlet.ts';
import { LogWindow } from '../../src/seeing/log-window.ts';
import type { Clock } from '../../src/time/clock.ts';
import { allOf } from '../fixtures/all-of.ts';

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

/** A group of one process in this one, and what is printed for it. */
function group({ options = {}, outlet = 'printer' as 'printer' | 'relay', terminal = false } = {}) {
  const printed: string[] = [];
  const platform = {
    clock: new ManualClock(),
    date: () => 7,
    write: (stream: string, text: string) => void printed.push(`${stream} ${text}`),
    isTerminal: () => terminal,
  };
  const log = new GroupLog(platform, outlet === 'printer' ? logPrinter(platform) : logRelay(platform), options);
  const open = (rank: number) => log.open({ process: `0.${rank + 1}`, rank, name: () => 'w' });
  return { log, open, printed, clock: platform.clock };
}

const line = (process: string, text: string): LogLine => ({
  ...{ time: 0, process, name: 'w', rank: 0, stream: 'stdout', level: 'info', text, count: 1, dropped: 0 },
});

test('the same line of several processes becomes one, and the order of each process is kept', () => {
  const { open, printed, clock } = group();
  const [first, second, third] = [open(0), open(1), open(2)];
  for (const text of ['loading', 'ready']) first.read('stdout', text);
  for (const text of ['loading', 'rank 1', 'ready']) second.read('stdout', text);
  for (const text of ['loading', 'ready']) third.read('stdout', text);
  expect(printed).toEqual([]);
  clock.pass();
  expect(printed).toEqual([
    'stdout [3 similar log lines] [w/0] loading\n',
    'stdout [2 similar log lines] [w/0] ready\n',
    'stdout [w/1] rank 1\n',
    'stdout [w/1] ready\n',
  ]);
});

test('a line that comes back after another is printed again', () => {
  const { log, open, printed, clock } = group();
  const process = open(0);
  for (const text of ['a', 'a', 'b', 'a']) process.read('stderr', text);
  process.read('stdout', 'a');
  log.flush();
  expect(printed).toEqual([
    'stderr [2 similar log lines] [w/0] a\n',
    'stderr [w/0] b\n',
    'stderr [w/0] a\n',
    'stdout [w/0] a\n',
  ]);
  clock.pass();
  expect(printed).toHaveLength(4);
});

test('a window counts every line once, and keeps the order of the lines of each process', () => {
  const printing = fc.record({ process: fc.constantFrom('a', 'b', 'c'), text: fc.constantFrom('x', 'y', 'z') });
  fc.assert(
    fc.property(fc.array(fc.option(printing, { nil: undefined }), { maxLength: 60 }), (events) => {
      const clock = new ManualClock();
      const out: LogLine[] = [];
      const window = new LogWindow(clock, 1, (each) => out.push(each));
      const sent: { process: string; text: string }[] = [];
      for (const event of events) {
        if (event === undefined) clock.pass();
        else {
          window.add(line(event.process, event.text));
          sent.push(event);
        }
      }
      window.flush();
      const total = (text: string) =>
        out.filter((each) => each.text === text).reduce((sum, { count }) => sum + count, 0);
      for (const text of ['x', 'y', 'z']) expect(total(text)).toBe(sent.filter((each) => each.text === text).length);
      for (const process of ['a', 'b', 'c']) {
        // Repeats apart, what a process printed is a subsequence of what came out.
        const own = sent.filter((each) => each.process === process).map(({ text }) => text);
        let at = -1;
        own.forEach((text, i) => {
          if (text === own[i - 1] && out[at]?.text === text) return;
          at = out.findIndex((each, place) => place > at && each.text === text);
          expect(at).toBeGreaterThanOrEqual(0);
        });
      }
    }),
  );
});

test.each([
  ['2026-08-01T10:00:00.123Z ready', '2026-08-01 10:00:07,5 ready', true],
  ['12:30:45 step', '12:30:46.001 step', true],
  [
    '{"level":30,"time":1700000000000,"pid":12,"msg":"up"}',
    '{"level":30,"time":1700000000001,"pid":13,"msg":"up"}',
    true,
  ],
  ['at 0x7f00a1', 'at 0x7f00b2', true],
  ['job 3f2504e0-4f89-11d3-9a0c-0305e82c3301', 'job 3f2504e0-4f89-11d3-9a0c-0305e82c3302', true],
  ['\u001b[32mok\u001b[0m', 'ok', true],
  ['loss 0.25', 'loss 0.26', false],
  ['step 1', 'step 2', false],
  ['12345678 tokens', '12345679 tokens', false],
])('%s and %s are alike: %s', (one, other, alike) => {
  expect(likeness(one) === likeness(other)).toBe(alike);
});

test.each([
  ['{"level":30,"time":1,"msg":"x"}', 'info'],
  ['{"level":50,"msg":"x"}', 'error'],
  ['{"severity":"WARNING","message":"x"}', 'warn'],
  ['ts=1 level=debug msg=x', 'debug'],
  ['WARN disk is full', 'warn'],
  ['[2026-08-01 10:00:00] ERROR: no', 'error'],
  ['2026-08-01T10:00:00Z INFO up', 'info'],
  ['[debug] x', 'debug'],
  ['\u001b[31merror\u001b[0m: x', 'error'],
  ['E0805 12:00:00.1 7 x.cc:1] x', 'error'],
  ['(node:12) ExperimentalWarning: x', 'warn'],
  ['TypeError: x is not a function', 'error'],
  ['Error rate 0.5', 'info'],
  ['INFORMATION', 'info'],
  ['a quiet line', 'info'],
] as const)('%s on stdout is %s', (text, level) => {
  expect(levelOf('stdout', text)).toBe(level);
});

test('a line without a level is a warning on stderr, and what is indented has the level of the line above', async () => {
  const { log, open } = group();
  const process = open(0);
  const reader = log.read([0], { level: 'error' });
  for (const text of ['quiet', 'TypeError: no', '    at here', 'quiet again']) process.read('stderr', text);
  process.end();
  expect((await allOf(reader)).map(({ text }) => text)).toEqual(['TypeError: no', '    at here']);
});

test('printing can be changed: what a window holds is printed before', () => {
  const { log, open, printed, clock } = group();
  const process = open(0);
  process.read('stdout', 'held');
  log.set({ print: false });
  expect(printed).toEqual(['stdout [w/0] held\n']);
  process.read('stdout', 'unprinted');
  log.set({ print: true, windowMs: 0, level: 'warn' });
  process.read('stdout', 'too low');
  process.read('stderr', 'at once');
  expect(printed.slice(1)).toEqual(['stderr [w/0] at once\n']);
  process.read('stdout', 'WARN the last');
  process.end();
  clock.pass();
  expect(printed.slice(2)).toEqual(['stdout [w/0] WARN the last\n']);
  expect(() => log.set({ windowMs: -1 })).toThrow(RangeError);
  expect(() => log.set({ level: 'loud' as 'info' })).toThrow('Take one of trace');
});

test('a reader starts with its call, and ends when no process runs', async () => {
  const { log, open } = group();
  const [first, second] = [open(0), open(1)];
  first.read('stdout', 'before');
  const reader = log.read([1], {});
  first.read('stdout', 'another rank');
  second.read('stdout', 'mine');
  first.end();
  second.end();
  expect(await allOf(reader)).toEqual([{ ...line('0.2', 'mine'), time: 7, rank: 1 }]);
  expect(await allOf(log.read([0], {}))).toEqual([]);
});

test('a slow reader loses the oldest lines, and is told how many', async () => {
  const { log, open } = group({ options: { print: false } });
  const process = open(0);
  const reader = log.read([0], {});
  for (let i = 0; i < 10_250; i++) process.read('stdout', `${i}`);
  const { value } = await reader.next();
  expect(value).toMatchObject({ text: '250', dropped: 250 });
  expect((await reader.next()).value).toMatchObject({ text: '251', dropped: 0 });
  await reader.return?.();
  process.read('stdout', 'nobody listens');
  expect(await reader.next()).toEqual({ done: true, value: undefined });
});

test('a line of any length and content comes through; a very long one in pieces', async () => {
  const { log, open, printed } = group({ options: { windowMs: 0 } });
  const process = open(0);
  const reader = log.read([0], {});
  const long = 'x'.repeat(150_000);
  const garbage = '\u0000\u0007\u001b[2J\u001e{"kind":"line"}\ufffdend';
  for (const text of [long, garbage, '']) process.read('stdout', text);
  process.end();
  const lines = (await allOf(reader)).map(({ text }) => text);
  expect(lines.slice(0, 3).map(({ length }) => length)).toEqual([65_536, 65_536, 18_928]);
  expect(lines.slice(0, 3).join('')).toBe(long);
  expect(lines.slice(3)).toEqual([garbage, '']);
  expect(printed.at(-2)).toBe('stdout [w/0] {"kind":"line"}\ufffdend\n');
});

test('colours are kept for a terminal only', () => {
  for (const terminal of [true, false]) {
    const { open, printed } = group({ terminal, options: { windowMs: 0 } });
    open(0).read('stdout', '\u001b[31mred\u001b[0m');
    expect(printed).toEqual([`stdout [w/0] ${terminal ? '\u001b[31mred\u001b[0m' : 'red'}\n`]);
  }
});

test('a process passes on lines of others so that its parent knows whose they are', async () => {
  const inner = group({ outlet: 'relay' });
  const process = inner.open(3);
  process.read('stderr', 'ERROR "quoted" \u2028');
  const outer = group({ options: { windowMs: 0 } });
  const parent = outer.open(1);
  const reader = outer.log.read([1], {});
  // The parent's own text without a line break stands before it.
  const [stream = '', output = ''] = inner.printed[0]?.split(/ (.*)\n/s) ?? [];
  parent.read(stream as 'stderr', `half a line${output}`);
  parent.end();
  expect(await allOf(reader)).toMatchObject([
    { process: '0.2', name: 'w', rank: 1, text: 'half a line' },
    { process: '0.4', name: 'w/1/w', rank: 3, stream: 'stderr', level: 'error', text: 'ERROR "quoted" \u2028' },
  ]);
  expect(outer.printed.at(-1)).toBe('stderr [w/1/w/3] ERROR "quoted" \u2028\n');
});

test('a mark has come when it came on both streams, or none can come', async () => {
  const { open } = group();
  const process = open(0);
  let marked = 0;
  const waits = ['1', '2'].map(async (mark) => {
    await process.mark(mark);
    marked++;
  });
  process.read('stdout', frameText({ kind: 'mark', mark: '1' }).trimEnd());
  await Promise.resolve();
  expect(marked).toBe(0);
  process.read('stderr', frameText({ kind: 'mark', mark: '1' }).trimEnd());
  await waits[0];
  expect(marked).toBe(1);
  process.end();
  await Promise.all([...waits, process.mark('3')]);
});

test('any line is a frame exactly when a process passed it on', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), fc.nat(), (name, text, rank) => {
      const told = { time: 1, process: '0.1', name, rank, level: 'info', text } as const;
      const output = frameText({ kind: 'line', line: told });
      expect(output.indexOf('\n')).toBe(output.length - 1);
      expect(parseFrame(output)).toEqual({ text: '', frame: { kind: 'line', line: told } });
      expect(parseFrame(text).frame).toBeUndefined();
      expect(parseFrame(text).text).toBe(text);
    }),
  );
});

test('lines are whole however they arrive', () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-c]{0,6}$/)),
      fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
      (lines, cuts) => {
        const text = lines.map((each) => `${each}\r\n`).join('');
        const out: string[] = [];
        const splitter = lineSplitter((each) => out.push(each));
        for (let from = 0; from < text.length; ) {
          const { value: step } = cuts.next();
          splitter.write(text.slice(from, from + step));
          from += step;
        }
        splitter.end();
        expect(out).toEqual(lines);
      },
    ),
  );
});

test('a line without an end is cut, and of a progress bar the last state counts', () => {
  const lines: string[] = [];
  const { write, end } = lineSplitter((text) => lines.push(text));
  write('  1%\r 50%\r100%\n');
  for (let i = 0; i < 10; i++) write('y'.repeat(65_536));
  end();
  expect(lines.map(({ length }) => length)).toEqual([4, 2 ** 19, 2 * 65_536]);
  expect(lines[0]).toBe('100%');
});

test('a tail keeps the last twenty lines', () => {
  const tail = new Tail();
  for (let i = 0; i < 25; i++) tail.add(`${i}`);
  expect([tail.lines.length, tail.lines[0], tail.lines.at(-1)]).toEqual([20, '5', '24']);
});
