import { existsSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { type ProcMesh, thisHost } from '../../src/index.ts';
import { isAlive } from '../fixtures/alive.ts';
import { Squatter } from '../fixtures/squatter.ts';
import { startProgram } from '../fixtures/start-program.ts';
import { until } from '../fixtures/until.ts';

async function workers(): Promise<ProcMesh<'worker'>> {
  const procs = await thisHost().spawnProcs({ perHost: { worker: 2 }, supervise: () => true });
  onTestFinished(async () => await procs.stop());
  return procs;
}

test('an actor that was started in a process of others ends as orphaned when its owner is lost', async () => {
  const procs = await workers();
  const squatters = await procs.spawn('squatters', Squatter);
  const [owner, host] = [squatters.slice({ worker: 0 }), squatters.slice({ worker: 1 })];
  const squat = await owner.settle.callOne(procs.slice({ worker: 1 }));
  expect(await squat.pid.callOne()).toBe(await host.pid.callOne());
  const hanging = squat.hang.callOne();
  process.kill(await owner.pid.callOne(), 'SIGKILL');
  await expect(hanging).rejects.toMatchObject({ mesh: 'squat', kind: 'orphaned' });
  await expect(squat.ping.callOne()).rejects.toMatchObject({ kind: 'orphaned', message: /was killed by SIGKILL/ });
  expect(await host.pid.callOne()).toBeGreaterThan(0);
});

test('an actor learns that the process of others is lost in which it started something', async () => {
  const procs = await workers();
  const squatters = await procs.spawn('squatters', Squatter);
  const [owner, host] = [squatters.slice({ worker: 0 }), squatters.slice({ worker: 1 })];
  await owner.settle.callOne(procs.slice({ worker: 1 }));
  const pid = await host.pid.callOne();
  process.kill(pid, 'SIGKILL');
  await until(async () => (await owner.failures.callOne()).length === 1);
  const [failure] = await owner.failures.callOne();
  expect(failure).toMatchObject({ mesh: 'squat', kind: 'signal', restarting: false, process: { pid } });
});

test.each(['root', 'middle', 'leaf'])('three levels deep, SIGKILL of the %s leaves nothing below it', async (which) => {
  const program = startProgram('deep');
  const [middle = 0, leaf = 0] = JSON.parse(await program.line('pids')) as number[];
  const directory = await program.line('directory');
  const victim = { root: program.child.pid ?? 0, middle, leaf }[which] ?? 0;
  process.kill(victim, 'SIGKILL');
  // The failure of the leaf climbs to its owner, and on, as nobody handles it.
  await until(() => ![middle, leaf].some(isAlive));
  const { stderr } = await program.ended();
  if (which === 'leaf') expect(stderr).toContain('counter/0 lost its process');
  if (which === 'leaf') expect(stderr).toContain('passed on, not handled, by: grown/0\n');
  await until(() => !existsSync(directory));
});

test.each(['spawning', 'stopping'])('a program that is killed while it is %s leaves nothing', async (what) => {
  const program = startProgram('deep', [what]);
  const pids = JSON.parse(await program.line('pids')) as number[];
  const directory = await program.line('directory');
  await program.line(what);
  program.child.kill('SIGKILL');
  await until(() => !pids.some(isAlive));
  await until(() => !existsSync(directory));
});
