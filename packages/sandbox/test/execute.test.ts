import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PythonSandbox, SandboxOptionsError, SandboxStoppedError } from '../src/index.ts';
import { useSandbox } from './sandboxes.ts';

const sandbox = useSandbox({ processes: 2, timeoutMs: 60_000, maxOutputBytes: 10_000, memoryBytes: 96 * 2 ** 20 });
const execute = (code: string, options = {}) => sandbox().execute(code, options);

describe('what comes back', () => {
  test('what was printed, and the value of the last line as a notebook shows it', async () => {
    expect(await execute('print("hello")\n[1, "a"]')).toEqual({
      stdout: 'hello\n',
      stderr: '',
      result: "[1, 'a']",
      timedOut: false,
    });
  });

  test.each(['x = 1', 'None', '', '# nothing', 'print("a")'])('no result of %j', async (code) => {
    expect((await execute(code)).result).toBeUndefined();
  });

  test('the traceback of an error, with the lines of the code and nothing of the sandbox', async () => {
    const { stdout, stderr, result } = await execute('def f():\n    raise ValueError("no")\nprint(1)\nf()');
    expect({ stdout, result }).toEqual({ stdout: '1\n', result: undefined });
    expect(stderr).toMatch(/^Traceback.*line 4, in <module>\n {4}f\(\).*line 2, in f\n.*ValueError: no\n$/s);
    expect(stderr).not.toMatch(/runPython|_pyodide|execute/);
  });

  test.each([
    ['x = = 1', /SyntaxError/],
    ['def f(n): return f(n)\nf(1)', /RecursionError/],
    ['x = bytearray(10**9)', /MemoryError/],
    ['import sys; sys.exit("over")', /^over\n$/],
    ['import sys; sys.exit(3)', /^SystemExit: 3\n$/],
    ['class A:\n  def __repr__(self): raise KeyError("r")\nA()', /KeyError: 'r'/],
    ['raise KeyboardInterrupt', /KeyboardInterrupt/],
    ['"\\ud800"\nprint("\\ud800")', /UnicodeEncodeError/],
  ])('the error of %j', async (code, error) => {
    expect((await execute(code)).stderr).toMatch(error);
  });

  test('leaving with success is no error', async () => {
    expect(await execute('print(1)\nraise SystemExit')).toMatchObject({ stdout: '1\n', stderr: '' });
  });

  test('any text goes in and comes out', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 2_000 }), async (text) => {
        const { stdout } = await execute('import sys; sys.stdout.write(sys.stdin.read())', { stdin: text });
        expect(stdout).toBe(text.toWellFormed());
      }),
      { numRuns: 8 },
    );
  });

  test('output is kept up to its limit', async () => {
    const { stdout, stderr } = await execute(
      'import sys\nfor i in range(3000): print("12345")\nprint("e", file=sys.stderr)',
    );
    expect(stdout).toBe('12345\n'.repeat(3000).slice(0, 10_000));
    expect(stderr).toBe('e\n');
    expect((await execute('"x" * 10**6')).result).toHaveLength(10_000);
  });

  test('bytes that go past sys.stdout are kept, too', async () => {
    expect(await execute('import os\nos.write(1, b"out")\nos.write(2, b"err")\nNone')).toMatchObject({
      stdout: 'out',
      stderr: 'err',
    });
  });
});

describe('what Python can do', () => {
  test.each([
    ['import math, json, re, collections\njson.dumps(collections.Counter(re.findall("a", "banana")))', `'{"a": 3}'`],
    ['from dataclasses import dataclass\n@dataclass\nclass P:\n  x: int\nP(1)', 'P(x=1)'],
    [
      'import asyncio\nasync def f():\n  await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0.001))\n  return 3\nasyncio.run(f())',
      '3',
    ],
    ['open("/tmp/a", "w").write("b")\nopen("/tmp/a").read()', "'b'"],
    ['from fractions import Fraction\nFraction(1, 3) + 1', 'Fraction(4, 3)'],
    ['import pickle\nclass A: pass\ntype(pickle.loads(pickle.dumps(A()))) is A', 'True'],
    ['__name__', "'__main__'"],
    ['import time\na = time.monotonic()\ntime.sleep(0.01)\ntime.monotonic() - a >= 0.01', 'True'],
  ])('%j', async (code, result) => {
    expect(await execute(code)).toMatchObject({ stderr: '', result });
  });
});

describe('time', () => {
  test('code is stopped when its time is over, and what it had printed is there', async () => {
    const { stdout, stderr, timedOut } = await execute('print("first")\nwhile True: pass', { timeoutMs: 200 });
    expect({ stdout, timedOut }).toEqual({ stdout: 'first\n', timedOut: true });
    expect(stderr).toMatch(/line 2.*KeyboardInterrupt\n$/s);
  });

  test('so is code that does not let itself be interrupted', async () => {
    const deaf =
      'print("first")\nimport sys; sys.stdout.flush()\nwhile True:\n  try:\n    while True: pass\n  except BaseException: pass';
    expect(await execute(deaf, { timeoutMs: 200 })).toEqual({
      stdout: 'first\n',
      stderr: '',
      result: undefined,
      timedOut: true,
    });
    expect((await execute('1 + 1')).result).toBe('2');
  });

  test('code that is in time is not stopped afterwards', async () => {
    expect((await execute('1', { timeoutMs: 2_000 })).timedOut).toBe(false);
    expect(await execute('sum(range(10**6))', { timeoutMs: 5_000 })).toMatchObject({
      result: '499999500000',
      timedOut: false,
    });
  });
});

describe('every execution begins anew', () => {
  const only = useSandbox({ processes: 1, timeoutMs: 60_000, memoryBytes: 96 * 2 ** 20 });
  test.each([
    ['a name', 'x = 1', 'x', /NameError/],
    ['a builtin', 'import builtins; builtins.print = None; builtins.len = lambda _: 42', 'print(len("a"))', /^1$/],
    ['a module', 'import math; math.sqrt = lambda x: 0', 'import math; print(math.sqrt(4))', /^2.0$/],
    ['a module taken away', 'import sys; sys.modules.clear()', 'import json; print(json.dumps(1))', /^1$/],
    [
      'the path of imports',
      'import sys; sys.path.clear(); sys.meta_path.clear()',
      'import csv; print(csv.__name__)',
      /^csv$/,
    ],
    ['a file', 'open("/tmp/left", "w").write("x")', 'import os; print(os.listdir("/tmp"))', /^\[\]$/],
    [
      'a file of Python',
      'import os\nfor f in os.listdir("/lib"):\n  if f.endswith(".zip"): os.remove("/lib/" + f)',
      'import fractions; print(1)',
      /^1$/,
    ],
    [
      'a file of Python, altered',
      'import os\nfor f in os.listdir("/lib"):\n  if f.endswith(".zip"): open("/lib/" + f, "w").write("x")',
      'import decimal; print(1)',
      /^1$/,
    ],
    [
      'a folder',
      'import os; os.chdir("/tmp"); os.rmdir("/home/pyodide")',
      'import os; print(os.getcwd())',
      /^\/home\/pyodide$/,
    ],
    ['an open file', 'f = open("/tmp/f", "w")', 'import os; print(os.open("/tmp/g", os.O_CREAT))', /^3$/],
    ['closed streams', 'import os; os.close(1); os.close(2)', 'print(1)', /^1$/],
    ['the environment', 'import os; os.environ["A"] = "b"', 'import os; print(os.environ.get("A"))', /^None$/],
    [
      'the recursion limit',
      'import sys; sys.setrecursionlimit(50)',
      'import sys; print(sys.getrecursionlimit())',
      /^1000$/,
    ],
    ['a trace', 'import sys; sys.settrace(lambda *a: 1/0)', 'print(1)', /^1$/],
    ['code for the end', 'import atexit; atexit.register(print, "left")', 'print(1)', /^1$/],
    [
      'an object in a cycle with a finalizer',
      'class A:\n  def __del__(self): print("left")\na = A(); a.a = a; del a',
      'import gc; gc.collect(); print(1)',
      /^1$/,
    ],
    [
      'a thread',
      'import threading\ntry: threading.Thread(target=print).start()\nexcept RuntimeError: pass',
      'print(1)',
      /^1$/,
    ],
    [
      'memory',
      'a = [bytearray(10**6) for _ in range(50)]',
      'b = [bytearray(10**6) for _ in range(50)]; print(1)',
      /^1$/,
    ],
  ])('%s does not outlive its execution', async (_, before, after, seen) => {
    await only().execute(before);
    const { stdout, stderr } = await only().execute(after);
    expect(`${stdout}${stderr}`.trim()).toMatch(seen);
  });

  test('random numbers are the same in every process and execution', async () => {
    const code = 'import random; random.random()';
    const results = await Promise.all(Array.from({ length: 6 }, async () => (await execute(code)).result));
    expect(new Set(results).size).toBe(1);
  });
});

describe('options and ends', () => {
  test.each([
    { processes: 0 },
    { processes: 1.5 },
    { timeoutMs: 0 },
    { timeoutMs: Number.NaN },
    { memoryBytes: 1 },
    { maxOutputBytes: -1 },
  ])('%j is refused before anything starts', async (options) => {
    await expect(PythonSandbox.open(options)).rejects.toThrow(SandboxOptionsError);
  });

  test('a time that cannot be obeyed is refused', async () => {
    await expect(execute('1', { timeoutMs: -1 })).rejects.toMatchObject({
      code: 'ERR_SANDBOX_OPTIONS',
      option: 'timeoutMs',
    });
  });

  test('what runs and what waits is refused when the sandbox stops', async () => {
    const stopping = await PythonSandbox.open({ processes: 1 });
    const running = expect(stopping.execute('while True: pass')).rejects.toThrow(SandboxStoppedError);
    const waiting = expect(stopping.execute('1')).rejects.toThrow(SandboxStoppedError);
    await stopping[Symbol.asyncDispose]();
    await Promise.all([running, waiting]);
    await expect(stopping.execute('1')).rejects.toThrow(SandboxStoppedError);
  });
});
