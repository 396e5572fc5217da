import { describe, expect, test } from 'vitest';
import { codeOf, codeReward } from '../src/index.ts';
import { useSandbox } from './sandboxes.ts';

const sandbox = useSandbox({ processes: 2, timeoutMs: 60_000 });
const reward = codeReward((code, options) => sandbox().execute(code, options));
const partial = codeReward((code, options) => sandbox().execute(code, options), {
  partialCredit: true,
  timeoutMs: 1_000,
});
const fenced = (code: string) => `Here it is:\n\n\`\`\`python\n${code}\n\`\`\`\nDone.`;

describe('the code of a completion', () => {
  test.each([
    ['x = 1', 'x = 1'],
    [fenced('x = 1'), 'x = 1\n'],
    [`${fenced('x = 1')}\n${fenced('x = 2')}`, 'x = 2\n'],
    ['```\nx = 3\n```', 'x = 3\n'],
    ['```py\r\nx = 4\r\n```', 'x = 4\r\n'],
    ['```js\nlet x\n```', '```js\nlet x\n```'],
    ['```python\nx = "```"\n```', 'x = "```"\n'],
  ])('of %j', (completion, code) => {
    expect(codeOf(completion)).toBe(code);
  });
});

describe('the score', () => {
  const target = 'assert f(1) == 2\nassert f(-1) == 0';

  test('is 1 for code that passes its tests', async () => {
    expect(await reward({ completion: fenced('def f(x):\n  return x + 1'), target })).toBe(1);
  });

  test.each([
    ['a wrong answer', 'def f(x): return 2'],
    ['an error', 'def f(x): return y'],
    ['no code', ''],
    ['code that is not Python', 'def f(x) {'],
    ['leaving before the tests', 'import sys\nsys.exit(0)'],
    ['leaving without an error', 'import os\nos._exit(0)'],
  ])('is 0 for %s', async (_, code) => {
    expect(await reward({ completion: fenced(code), target })).toBe(0);
  });

  test('counts the tests that pass, each in an interpreter of its own', async () => {
    const code = 'calls = []\ndef f(x):\n  calls.append(x)\n  if x == 2:\n    while True: pass\n  return len(calls)';
    const tests = JSON.stringify(['assert f(0) == 1', 'assert f(1) == 1', 'assert f(2) == 1', 'assert f(3) == 2']);
    expect(await partial({ completion: fenced(code), target: tests })).toBe(0.5);
    expect(await reward({ completion: fenced('def f(x): return 1'), target: tests })).toBe(0);
  });
});
