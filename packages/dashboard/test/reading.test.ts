import { appendFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CompletionIndex } from '../src/run/completion-index.ts';
import { LineFollower } from '../src/run/line-follower.ts';
import { MetricTable } from '../src/run/metric-table.ts';
import { runNames } from '../src/run-names.ts';
import { temporaryFolder } from './temporary-folder.ts';

function follow(file: string): { readonly read: () => readonly string[]; readonly follower: LineFollower } {
  const follower = new LineFollower(file);
  onTestFinished(() => follower[Symbol.dispose]());
  return { follower, read: () => [...follower.read()].flatMap(({ lines }) => lines.map(({ text }) => text)) };
}

describe('lines of a file that grows', () => {
  test('are read once each, when they are whole, however they are written', () => {
    const folder = temporaryFolder();
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.nat()), fc.uuid(), (texts, cuts, name) => {
        const lines = texts.map((text) => text.toWellFormed().replaceAll('\n', ' '));
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const file = path.join(folder, name);
        writeFileSync(file, '');
        const { read, follower } = follow(file);
        const read1: string[] = [];
        let start = 0;
        for (const end of [...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]) {
          appendFileSync(file, bytes.subarray(start, end));
          read1.push(...read());
          start = end;
        }
        follower[Symbol.dispose]();
        expect(read1).toEqual(lines);
      }),
      { numRuns: 40 },
    );
  });

  test('may be longer than what is read at a time', () => {
    const file = path.join(temporaryFolder(), 'a');
    const long = 'x'.repeat(9 * 2 ** 20);
    writeFileSync(file, `a\n${long}\nb\n`);
    expect(follow(file).read()).toEqual(['a', long, 'b']);
  });

  test('are read from the start when the file begins anew, and when it comes to be', () => {
    const file = path.join(temporaryFolder(), 'a');
    const { read } = follow(file);
    expect(read()).toEqual([]);
    writeFileSync(file, 'first\nsecond\n');
    expect(read()).toEqual(['first', 'second']);
    truncateSync(file, 0);
    appendFileSync(file, 'new\n');
    expect(read()).toEqual(['new']);
  });
});

describe('a table of metrics', () => {
  test('has a column a metric, NaN where a line lacks it', () => {
    const table = new MetricTable();
    const lines = ['{"step":1,"a":1}', '{"step":2,"b":2,"a":null}', 'no line', '[]', '{"step":3,"a":3}'];
    for (const line of lines) table.add(line);
    expect([...table.column('step')!]).toEqual([1, 2, 3]);
    expect([...table.column('a')!]).toEqual([1, Number.NaN, 3]);
    expect([...table.column('b')!]).toEqual([Number.NaN, 2, Number.NaN]);
    expect(table.column('c')).toBeUndefined();
    expect(table.metrics).toEqual(['a', 'b']);
    expect(table.skipped).toBe(2);
  });

  test('knows where a phase began', () => {
    const table = new MetricTable();
    for (const [step, phase] of [
      [1, 'warmup'],
      [2, 'warmup'],
      [3, 'grpo'],
    ] as const) {
      table.add(JSON.stringify({ step, wallSeconds: step * 2, phase }));
    }
    expect(table.phases).toEqual([
      { phase: 'warmup', step: 1, wallSeconds: 2 },
      { phase: 'grpo', step: 3, wallSeconds: 6 },
    ]);
  });
});

describe('completions', () => {
  const rows = [
    { step: 1, prompt: 'p', completion: 'say "reward":9', target: 't', reward: 0.5 },
    { step: 1, prompt: 'q', completion: 'b', target: 't', reward: null },
    { step: 2, prompt: 'p', completion: 'Ärger', target: 't', reward: -1e-3 },
    { step: 3, prompt: 'q', completion: 'd', messages: [{ role: 'tool', content: 'Öl' }], target: 'Z', reward: 1 },
  ];
  const steps = (index: CompletionIndex, query: Parameters<CompletionIndex['find']>[0]) =>
    index.find(query).rows.map(({ completion }) => completion);

  function indexOf(lines: readonly object[]): CompletionIndex {
    const file = path.join(temporaryFolder(), 'completions.jsonl');
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const index = new CompletionIndex(file);
    onTestFinished(() => index[Symbol.dispose]());
    index.refresh();
    return index;
  }

  test.each([
    [{}, ['d', 'Ärger', 'b', 'say "reward":9']],
    [{ sort: 'earliest' }, ['say "reward":9', 'b', 'Ärger', 'd']],
    [{ sort: 'best' }, ['d', 'say "reward":9', 'Ärger']],
    [{ sort: 'worst' }, ['Ärger', 'say "reward":9', 'd']],
    [{ sort: 'prompt' }, ['say "reward":9', 'Ärger', 'b', 'd']],
    [{ fromStep: 2 }, ['d', 'Ärger']],
    [{ toStep: 1, minReward: 0 }, ['say "reward":9']],
    [{ maxReward: 0 }, ['Ärger']],
    [{ text: 'ärg' }, ['Ärger']],
    [{ text: 'z' }, ['d']],
    [{ text: 'öl' }, ['d']],
    [{ offset: 1, limit: 2 }, ['Ärger', 'b']],
    [{ text: 'nowhere' }, []],
  ] as const)('asked for by %j', (query, found) => {
    expect(steps(indexOf(rows), query)).toEqual(found);
  });

  test('tell how many there are in all', () => {
    expect(indexOf(rows).find({ limit: 1 })).toMatchObject({ total: 4, isPartial: false });
  });
});

test('runs are named by as much of their paths as tells them apart', () => {
  expect(runNames(['/a/runs/x', '/a/runs/y'])).toEqual(['x', 'y']);
  expect(runNames(['/a/x', '/b/x', '/b/y'])).toEqual(['a/x', 'b/x', 'y']);
  expect(new Set(runNames(['/a/x', '/a/x'])).size).toBe(2);
});
