import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { thisHost } from '../../src/index.ts';
import { Grown } from '../fixtures/grown.ts';
import { startProgram } from '../fixtures/start-program.ts';

test('the example of the README runs, word for word', () => {
  const path = fileURLToPath(new URL('../../examples/counters.ts', import.meta.url));
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  expect(readme).toContain(readFileSync(path, 'utf8').split('\n').slice(1).join('\n'));
  const { status, stdout, stderr } = spawnSync(process.execPath, [path], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout.trim().split('\n')).toEqual(
    [0, 1, 2, 3].flatMap((replica) => [
      `{ replica: ${replica}/4, shard: 0/2 }: 11`,
      `{ replica: ${replica}/4, shard: 1/2 }: 1`,
    ]),
  );
});

test('a program that is imported for its class and starts processes then is refused, with advice', async () => {
  const program = startProgram('unguarded');
  expect(await program.line('error')).toMatch(/^ERR_MONARCH_CLASS OwnershipError: .*import\.meta\.main/);
  expect(await program.ended()).toMatchObject({ code: 0 });
});

test('lines of all processes come to the program behind a name and rank, the same ones as one', async () => {
  const program = startProgram('printing');
  const { stdout, stderr } = await program.ended();
  expect(stdout.split('\n').sort()).toEqual(['[2 similar log lines] [grown/0] loading', '[grown/1] only here']);
  expect(stderr).toBe('[grown/0] about to fail\n');
});

test('each process of a mesh may have an environment of its own', async () => {
  await using procs = await thisHost().spawnProcs({
    perHost: { gpus: 2 },
    env: (point) => ({ FORGE_TEST_WORD: `gpu ${point.at('gpus')}` }),
  });
  const grown = await procs.spawn('grown', Grown);
  expect([...(await grown.environment.call('FORGE_TEST_WORD')).values()]).toEqual(['gpu 0', 'gpu 1']);
});

test('a process has the environment that it was given', async () => {
  const procs = await thisHost().spawnProcs({ env: { FORGE_TEST_WORD: 'given' } });
  onTestFinished(async () => await procs.stop());
  const grown = await procs.spawn('grown', Grown);
  expect(await grown.environment.callOne('FORGE_TEST_WORD')).toBe('given');
});

test.runIf(existsSync('/proc/self/cmdline'))('a process shows its name and rank in its command line', async () => {
  const procs = await thisHost().spawnProcs({ perHost: { worker: 2 }, name: 'workers' });
  onTestFinished(async () => await procs.stop());
  const grown = await procs.spawn('grown', Grown);
  const pids = [...(await grown.pid.call()).values()];
  const shown = pids.map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').at(-2));
  expect(shown).toEqual(['workers/0', 'workers/1']);
});

test('a program without processes has no sockets, and may start processes again', async () => {
  const program = startProgram('twice');
  expect(JSON.parse(await program.line('left'))).toEqual({ left: [], distinct: 2 });
});

test('after a shutdown nothing is started any more, so the program ends', async () => {
  const program = startProgram('restless');
  expect(await program.line('refused')).toBe('ERR_MONARCH_OWNERSHIP the program cannot start procs: enough.');
  expect(await program.ended()).toMatchObject({ code: 0, stderr: '' });
});
