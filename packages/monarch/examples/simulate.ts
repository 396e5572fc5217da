// A cluster of two machines in this process alone: run it with `node simulate.ts`.
import { simulate } from '@forge/monarch/testing';
import { Counter } from './counters.ts';

const { value, hash, left } = await simulate({ seed: 7, hosts: 2 }, async ({ hosts, world }) => {
  const procs = await hosts.spawnProcs({ perHost: { worker: 2 }, supervise: () => true });
  const counters = await procs.spawn('counters', Counter);
  const replies = counters.add.call(1).settled();
  world.crash(1); // the second machine loses its power, with messages on their way to it
  return (await replies).toArray().map(({ ok }) => ok);
});
console.log(value, left, hash); // [ true, true, false, false ] [] and always the same hash
