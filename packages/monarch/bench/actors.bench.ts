import { thisHost } from '@forge/monarch';
import { Gauge, Tiny } from './actors/tiny.ts';
import { print } from './print.ts';

/*
 * What an actor costs: memory of an idle one in its process and at its owner, and the time to spawn and call 10,000 in
 * eight processes. The control of the memory is a plain object of the same fields and closures.
 */
const PROCESSES = 8;
const MESHES = 1_250;
/** Spawns under way at a time. */
const WINDOW = 25;

async function main(): Promise<void> {
  await using procs = await thisHost().spawnProcs({ perHost: { worker: PROCESSES } });
  await using gauges = await procs.spawn('gauge', Gauge);
  const here = new Gauge();
  // What the first actors load, and the first calls compile, stays.
  for (let i = 0; i < 50; i++) {
    const warm = await procs.spawn('warm', Tiny);
    await warm.add.call(1);
    await warm.stop();
  }
  const workers = async () => [...(await gauges.bytes.call()).values()].reduce((sum, bytes) => sum + bytes, 0);
  const [before, ownerBefore] = [await workers(), await here.bytes()];

  const start = performance.now();
  const meshes: Awaited<ReturnType<typeof procs.spawn<Tiny, []>>>[] = [];
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < MESHES; i += WINDOW) {
    const spawned = await Promise.all(Array.from({ length: WINDOW }, async () => await procs.spawn('tiny', Tiny)));
    meshes.push(...spawned);
  }
  const spawnedMs = performance.now() - start;
  const [idle, owner] = [await workers(), await here.bytes()];
  const callStart = performance.now();
  for (const mesh of meshes) calls.push(Promise.resolve(mesh.add.call(1)));
  await Promise.all(calls);
  const calledMs = performance.now() - callStart;
  const called = await workers();

  const plain = await gauges.slice({ worker: 0 }).plain.callOne(MESHES * PROCESSES);
  const actors = MESHES * PROCESSES;
  print('10,000 actors in 8 processes, spawned and called', spawnedMs + calledMs, 'ms');
  print('an idle actor, in its process', (idle - before) / actors, 'bytes', plain);
  print('an actor that was called once', (called - before) / actors, 'bytes', plain);
  print('an actor, at its owner', (owner - ownerBefore) / actors, 'bytes', plain);
}

await main();
process.exit(0);
