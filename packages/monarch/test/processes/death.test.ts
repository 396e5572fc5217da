import { existsSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { type MeshFailure, type ProcMesh, thisHost } from '../../src/index.ts';
import { isAlive } from '../fixtures/alive.ts';
import { Counter } from '../fixtures/counter.ts';
import { Grown } from '../fixtures/grown.ts';
import { Forwarder } from '../fixtures/probes.ts';
import { startProgram } from '../fixtures/start-program.ts';
import { until } from '../fixtures/until.ts';

async function workers(size: number, seen: MeshFailure[]): Promise<ProcMesh<'worker'>> {
  const supervise = (failure: MeshFailure) => {
    seen.push(failure);
    return true;
  };
  const procs = await thisHost().spawnProcs({ perHost: { worker: size }, supervise, name: 'workers' });
  onTestFinished(async () => await procs.stop());
  return procs;
}

test('a process killed in the middle of a call rejects it, naming actor, rank and process', async () => {
  const seen: MeshFailure[] = [];
  const grown = await (await workers(3, seen)).spawn('grown', Grown);
  const pids = [...(await grown.pid.call()).values()];
  const hanging = grown.linger.call();
  process.kill(pids[1] ?? 0, 'SIGKILL');
  const first = await grown
    .slice({ worker: 1 })
    .linger.callOne()
    .catch((error) => error);
  expect(first).toMatchObject({
    code: 'ERR_MONARCH_MESH',
    mesh: 'grown',
    kind: 'signal',
    points: [{ rank: 1 }],
    process: { pid: pids[1], exitCode: null, signal: 'SIGKILL' },
  });
  expect(first.message).toContain(`grown/1 lost its process: process ${pids[1]} was killed by SIGKILL`);
  for await (const { point, outcome } of hanging) {
    expect(point.rank).toBe(1);
    expect(outcome.ok).toBe(false);
    break;
  }
  await expect(grown.pid.call()).rejects.toBe(first);
  expect([...(await grown.slice({ worker: { from: 2 } }).pid.call()).values()]).toEqual([pids[2]]);
  expect(seen).toEqual([first]);
});

test('an exit is told with its code and the last lines of stderr', async () => {
  const seen: MeshFailure[] = [];
  const grown = (await (await workers(1, seen)).spawn('grown', Grown)).slice({ worker: 0 });
  await expect(grown.exit.callOne(7)).rejects.toMatchObject({ kind: 'exit', process: { exitCode: 7, signal: null } });
  const [failure] = seen;
  expect(failure?.process?.stderrTail).toEqual([]);
  const other = (await (await workers(1, seen)).spawn('grown', Grown)).slice({ worker: 0 });
  await expect(other.die.callOne()).rejects.toMatchObject({ process: { stderrTail: ['last words'] } });
});

test('every mesh on a process that dies fails, each told once', async () => {
  const seen: MeshFailure[] = [];
  const procs = await workers(2, seen);
  const counters = await procs.spawn('counters', Counter, 0);
  const grown = await procs.spawn('grown', Grown);
  grown.slice({ worker: 1 }).die.broadcast();
  await until(() => seen.length === 2);
  expect(seen.map(({ mesh, points }) => [mesh, points.map(({ rank }) => rank)])).toEqual([
    ['counters', [1]],
    ['grown', [1]],
  ]);
  await expect(counters.increment.call(1)).rejects.toBe(seen[0]);
  await expect(procs.spawn('later', Counter, 0)).rejects.toMatchObject({ code: 'ERR_MONARCH_MESH' });
  expect(await counters.increment.choose(1)).toBe(2);
});

test('a process without actors that dies is a failure of the processes', async () => {
  const seen: MeshFailure[] = [];
  const procs = await workers(2, seen);
  const grown = await procs.spawn('grown', Grown);
  const [pid = 0] = (await grown.pid.call()).values();
  await grown.stop();
  process.kill(pid, 'SIGKILL');
  await until(() => seen.length === 1);
  expect(seen[0]).toMatchObject({ mesh: 'workers', kind: 'signal', points: [{ rank: 0 }] });
});

test('a third process that calls a dead one is rejected, naming actor and rank', async () => {
  const seen: MeshFailure[] = [];
  const counters = await (await workers(2, seen)).spawn('counters', Counter, 0);
  const forwarders = await (await workers(1, seen)).spawn('forwarders', Forwarder);
  const forwarder = forwarders.slice({ worker: 0 });
  const list = [counters.slice({ worker: 0 }), counters.slice({ worker: 1 })];
  expect(await forwarder.incrementIn.callOne({ list }, 1)).toEqual([1, 1]);
  process.kill(await counters.slice({ worker: 1 }).pid.callOne(), 'SIGKILL');
  await until(() => seen.length === 1);
  const error = await forwarder.incrementIn.callOne({ list }, 1).catch((reason) => reason);
  expect(error).toMatchObject({
    code: 'ERR_MONARCH_ACTOR',
    cause: { code: 'ERR_MONARCH_MESH', kind: 'signal', process: seen[0]?.process },
  });
  expect(error.message).toContain('counters/1 lost its process');
});

test('stopping processes leaves none, not even one whose endpoint never ends', async () => {
  const procs = await thisHost().spawnProcs({ perHost: { worker: 2 } });
  const grown = await procs.spawn('grown', Grown);
  const pids = [...(await grown.raise.call()).values()].flat();
  const hanging = grown.hang.call();
  await procs.stop('done');
  expect(pids.filter(isAlive)).toEqual([]);
  await expect(hanging).rejects.toMatchObject({ code: 'ERR_MONARCH_MESH', kind: 'aborted' });
  await expect(procs.spawn('later', Counter, 0)).rejects.toMatchObject({ code: 'ERR_MONARCH_OWNERSHIP' });
});

test.each(['wait', 'block'])('a program killed while it is in %s leaves no process and no sockets', async (what) => {
  const program = startProgram('family', [what]);
  const pids: number[] = JSON.parse(await program.line('pids'));
  const directory = await program.line('directory');
  await program.line('ready');
  expect(pids).toHaveLength(4);
  expect(pids.every(isAlive)).toBe(true);
  expect(existsSync(directory)).toBe(true);
  program.child.kill('SIGKILL');
  await until(() => !pids.some(isAlive));
  expect(existsSync(directory)).toBe(false);
});

test.each([
  ['broadcast', ['forge: grown/1 failed', 'a fault that nobody handles', 'fixtures/grown.ts', 'exit code 1']],
  ['die', ['forge: grown/1 lost its process', 'was killed by SIGKILL', 'last words', 'exit code 1']],
])('an unhandled failure (%s) is reported once and ends the program with exit code 1', async (what, parts) => {
  const program = startProgram('family', [what]);
  const pids: number[] = JSON.parse(await program.line('pids'));
  const directory = await program.line('directory');
  const { code, stderr } = await program.ended();
  expect(code).toBe(1);
  for (const part of parts) expect(stderr).toContain(part);
  expect(stderr.match(/forge: /g)).toHaveLength(1);
  if (what === 'die') expect(stderr.match(/was killed by SIGKILL/g)).toHaveLength(1);
  // The child of a process that was killed ends by itself.
  await until(() => !pids.some(isAlive));
  expect(existsSync(directory)).toBe(false);
});

test.each(['exit', 'end'])('a program that comes to its %s leaves nothing', async (what) => {
  const program = startProgram('family', [what]);
  const pids: number[] = JSON.parse(await program.line('pids'));
  const directory = await program.line('directory');
  expect(await program.ended()).toMatchObject({ code: 0 });
  await until(() => !pids.some(isAlive));
  expect(existsSync(directory)).toBe(false);
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s stops a program in order, though it reaches all its processes', async (signal, code) => {
  const stopped = startProgram('family');
  const pids: number[] = JSON.parse(await stopped.line('pids'));
  await stopped.line('ready');
  // As a terminal and a job runner do it: to every process of the group.
  for (const pid of [...pids, stopped.child.pid ?? 0]) process.kill(pid, signal);
  expect(await stopped.ended()).toMatchObject({ code });
  expect(pids.filter(isAlive)).toEqual([]);
});

test('the second interrupt ends a program at once', async () => {
  const program = startProgram('family', ['block']);
  const pids: number[] = JSON.parse(await program.line('pids'));
  await program.line('ready');
  program.child.kill('SIGINT');
  program.child.kill('SIGTERM');
  expect(await program.ended()).toMatchObject({ code: expect.toBeOneOf([130, 143]) });
  await until(() => !pids.some(isAlive));
});

test('an argument of 64 MiB arrives whole', async () => {
  const grown = (await (await workers(1, [])).spawn('grown', Grown)).slice({ worker: 0 });
  const data = new Float64Array(8 * 2 ** 20).fill(3);
  expect(await grown.size.callOne(data)).toEqual([data.length, 3]);
});
