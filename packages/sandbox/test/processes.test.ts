import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { PythonSandbox } from '../src/index.ts';

/** Processes that a process has started and that still run. */
function childrenOf(parent: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const [, state, ppid] = readFileSync(`/proc/${pid}/stat`, 'utf8')
          .split(') ')[1]!
          .match(/^(\S) (\d+)/)!;
        return Number(ppid) === parent && state !== 'Z';
      } catch {
        return false; // it has ended meanwhile
      }
    })
    .map(Number);
}

const isAlive = (pid: number) =>
  existsSync(`/proc/${pid}`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

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

  test('a process that is killed from outside loses its execution and is replaced', async () => {
    const before = new Set(childrenOf(process.pid));
    await using sandbox = await PythonSandbox.open({ processes: 1 });
    const [only] = childrenOf(process.pid).filter((pid) => !before.has(pid));
    const running = sandbox.execute('print("started")\nimport sys; sys.stdout.flush()\nwhile True: pass');
    process.kill(only!, 'SIGKILL');
    expect(await running).toMatchObject({ stderr: 'SystemError: the interpreter was stopped\n', timedOut: false });
    expect((await sandbox.execute('1 + 1')).result).toBe('2');
  });

  test('a process knows nothing of its host: no environment, no arguments that name it', async () => {
    await using sandbox = await PythonSandbox.open({ processes: 1 });
    const { result } = await sandbox.execute('import os, sys; (sorted(os.environ), sys.argv, os.getcwd())');
    expect(result).not.toMatch(/forge|home\/(?!pyodide)|root/i);
  });
});
