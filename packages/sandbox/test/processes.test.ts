import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { codeReward, PythonSandbox, SandboxKilledError } from '../src/index.ts';
import { childrenOf, isAlive, isGone, ticksOf } from './fixtures/children.ts';

// The processes of a machine are read from /proc, which only Linux has.
describe.skipIf(process.platform !== 'linux')('processes', () => {
  test('nothing is left of a program that was killed in the middle of an execution', async () => {
    const program = spawn(process.execPath, [path.join(import.meta.dirname, 'fixtures/program.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(program.stdout, 'data');
    const children = childrenOf(program.pid!);
    expect(children).toHaveLength(2);
    program.kill('SIGKILL');
    await vi.waitFor(() => expect(children.filter(isAlive)).toEqual([]), { timeout: 110_000, interval: 50 });
  });

  test('nothing is left of a sandbox that has stopped', async () => {
    const before = new Set(childrenOf(process.pid));
    const sandbox = await PythonSandbox.open({ processes: 2 });
    const children = childrenOf(process.pid).filter((pid) => !before.has(pid));
    expect(children).toHaveLength(2);
    await sandbox[Symbol.asyncDispose]();
    expect(children.filter(isAlive)).toEqual([]);
  });

  /** A sandbox of one process, and the number of that process at any time. */
  const single = async () => {
    const before = new Set(childrenOf(process.pid));
    const sandbox = await PythonSandbox.open({ processes: 1, timeoutMs: 60_000 });
    return { sandbox, current: () => childrenOf(process.pid).find((pid) => !before.has(pid)) };
  };

  test('code whose process is killed has no score, and the next has one of a new process', async () => {
    const { sandbox, current } = await single();
    await using _ = sandbox;
    const reward = codeReward((code) => sandbox.execute(code));
    const first = current()!;
    const idle = ticksOf(first);
    const scored = reward({ completion: 'while True: pass', target: '' });
    await vi.waitFor(() => expect(ticksOf(first)).toBeGreaterThan(idle + 20), { timeout: 60_000 });
    process.kill(first, 'SIGKILL');
    await expect(scored).rejects.toThrow(SandboxKilledError);
    await expect(scored).rejects.toMatchObject({ code: 'ERR_SANDBOX_KILLED', signal: 'SIGKILL' });
    expect(isGone(first)).toBe(true);
    expect(await reward({ completion: 'x = 1', target: 'assert x == 1' })).toBe(1);
    expect(current()).not.toBe(first);
  });

  test('code that ends its process earns nothing, and the next is run by a new process', async () => {
    const { sandbox, current } = await single();
    await using _ = sandbox;
    for (const code of ['import os; os._exit(0)', 'import os; os.abort()']) {
      const first = current()!;
      const { stderr, result, timedOut } = await sandbox.execute(code);
      const stopped = 'SystemError: the interpreter was stopped\n';
      expect({ stderr, result, timedOut }).toEqual({ stderr: stopped, result: undefined, timedOut: false });
      expect(isGone(first)).toBe(true);
    }
    const reward = codeReward((code) => sandbox.execute(code));
    expect(await reward({ completion: 'import os; os._exit(0)', target: '' })).toBe(0);
    expect((await sandbox.execute('1 + 1')).result).toBe('2');
  });

  test('a process that is lost while nothing runs costs no execution', async () => {
    const { sandbox, current } = await single();
    await using _ = sandbox;
    const first = current()!;
    process.kill(first, 'SIGKILL');
    await vi.waitFor(() => expect(isGone(first)).toBe(true), { timeout: 60_000 });
    expect((await sandbox.execute('1 + 1')).result).toBe('2');
  });

  test('a process knows nothing of its host: no environment, no arguments that name it', async () => {
    await using sandbox = await PythonSandbox.open({ processes: 1 });
    const { result } = await sandbox.execute('import os, sys; (sorted(os.environ), sys.argv, os.getcwd())');
    expect(result).not.toMatch(/forge|home\/(?!pyodide)|root/i);
  });
});
