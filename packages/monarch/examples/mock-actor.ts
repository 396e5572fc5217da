// Another actor in place of the real one: run it with `node mock-actor.ts`.
import { Actor, endpoint, thisHost } from '@forge/monarch';
import { mockActor } from '@forge/monarch/testing';
import { Counter } from './counters.ts';

export class MockCounter extends Actor {
  static readonly module: string = import.meta.url;
  readonly add = endpoint((_by: number) => 42);
}

if (import.meta.main) {
  await using _mock = await mockActor(Counter, MockCounter); // until the end of this block
  await using procs = await thisHost().spawnProcs();
  await using counter = await procs.spawn('counter', Counter);
  console.log(await counter.add.callOne(1)); // 42
}
