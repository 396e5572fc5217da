import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { SandboxedPythonCoder } from '../src/index.ts';
import { childrenOf, isAlive, ticksOf } from './fixtures/children.ts';

const before = new Set(childrenOf(process.pid));
const open = () =>
  SandboxedPythonCoder.options({ procs: 1, numReplicas: 1, waitForHealthyMs: 60_000 }).asService({ processes: 1 });
let coder: Awaited<ReturnType<typeof open>>;
beforeAll(async () => {
  coder = await open();
});
afterAll(() => coder[Symbol.asyncDispose]());

test('coders of a service execute code', async () => {
  const { stdout, stderr } = await coder.execute.route('print(6 * 7)');
  expect({ stdout, stderr }).toEqual({ stdout: '42\n', stderr: '' });
  const results = await Promise.all([1, 2, 3, 4].map((n) => coder.execute.route(`${n} ** 2`)));
  expect(results.map(({ result }) => result)).toEqual(['1', '4', '9', '16']);
});

// The processes of a machine are read from /proc, which only Linux has.
describe.skipIf(process.platform !== 'linux')('a coder', () => {
  const replica = () => childrenOf(process.pid).find((pid) => !before.has(pid))!;
  const interpreter = () => childrenOf(replica())[0]!;
  const endless = 'while True: pass';
  const busy = async (pid: number) => {
    const idle = ticksOf(pid);
    await vi.waitFor(() => expect(ticksOf(pid)).toBeGreaterThan(idle + 20), { timeout: 60_000 });
  };

  test('whose interpreter is killed says so, stays, and runs what comes next in another one', async () => {
    const [own, first] = [replica(), interpreter()];
    const running = coder.execute.route(endless);
    const told = expect(running).rejects.toMatchObject({ cause: { code: 'ERR_SANDBOX_KILLED' } });
    await busy(first);
    process.kill(first, 'SIGKILL');
    await told;
    expect((await coder.execute.route('6 * 7')).result).toBe('42');
    expect(interpreter()).not.toBe(first);
    expect(replica()).toBe(own);
  });

  test('that is killed is replaced by one that runs what was under way, and leaves no interpreter behind', async () => {
    const [own, first] = [replica(), interpreter()];
    const running = coder.execute.route(endless, { timeoutMs: 3_000 });
    await busy(first);
    process.kill(own, 'SIGKILL');
    expect(await running).toMatchObject({ timedOut: true });
    expect(replica()).not.toBe(own);
    await vi.waitFor(() => expect([own, first].filter(isAlive)).toEqual([]), { timeout: 60_000 });
  });
});
