import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type MeshFailure, thisHost } from '@forge/monarch';
import { Gauge, Tiny } from './actors/tiny.ts';
import { interleaved, print } from './print.ts';

const PROCESSES = 8;
const KILLS = 8;

/** Milliseconds until as many bare processes of node as we start have said a word and ended. */
async function bareForks(): Promise<number> {
  const start = performance.now();
  const path = fileURLToPath(new URL('./actors/idle.ts', import.meta.url));
  const children = Array.from({ length: PROCESSES }, () => fork(path));
  await Promise.all(children.map(async (child) => await new Promise((resolve) => child.once('message', resolve))));
  const startedMs = performance.now() - start;
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(children.map(async (child) => await new Promise((resolve) => child.once('exit', resolve))));
  return startedMs;
}

/** Milliseconds until as many processes with an actor each answer a call. */
async function processesWithActors(): Promise<number> {
  const start = performance.now();
  await using procs = await thisHost().spawnProcs({ perHost: { worker: PROCESSES } });
  const mesh = await procs.spawn('tiny', Tiny);
  await mesh.add.call(1);
  return performance.now() - start;
}

/** Milliseconds from SIGKILL of a process to `supervise` of its owner. */
async function killToSupervise(): Promise<number> {
  const told = Promise.withResolvers<MeshFailure>();
  const supervise = (failure: MeshFailure) => {
    told.resolve(failure);
    return true;
  };
  await using procs = await thisHost().spawnProcs({ supervise });
  const gauge = await procs.spawn('gauge', Gauge);
  const pid = await gauge.pid.callOne();
  const start = performance.now();
  process.kill(pid, 'SIGKILL');
  await told.promise;
  return performance.now() - start;
}

/** Milliseconds from SIGKILL of a bare process to its parent's `exit`. */
async function killToExit(): Promise<number> {
  const child = fork(fileURLToPath(new URL('./actors/idle.ts', import.meta.url)));
  await new Promise((resolve) => child.once('message', resolve));
  const start = performance.now();
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  return performance.now() - start;
}

/** Milliseconds from SIGKILL of a process to an answer of the actor that was made in its place, without a wait before. */
async function killToAnswer(): Promise<number> {
  const told = Promise.withResolvers<MeshFailure>();
  const supervise = (failure: MeshFailure) => {
    told.resolve(failure);
    return true;
  };
  await using procs = await thisHost().spawnProcs({ supervise, restart: { backoffMs: 0 } });
  const gauge = await procs.spawn('gauge', Gauge);
  const pid = await gauge.pid.callOne();
  const start = performance.now();
  process.kill(pid, 'SIGKILL');
  await told.promise;
  await gauge.pid.callOne();
  return performance.now() - start;
}

const spawned = await interleaved(processesWithActors, bareForks, 3);
print('8 processes with one actor each, called', spawned.ours, 'ms', spawned.control);
const killed = await interleaved(killToSupervise, killToExit, KILLS);
print('SIGKILL to supervise of the owner', killed.ours, 'ms', killed.control);
const answered = await interleaved(killToAnswer, bareForks, 3);
print('SIGKILL to an answer of the restarted actor', answered.ours, 'ms', answered.control);
