// Eight actors on eight processes, in one file: run it with `node counters.ts`.
import { Actor, endpoint, thisHost } from '@forge/monarch';

export class Counter extends Actor {
  static readonly module: string = import.meta.url;
  #count = 0;
  readonly add = endpoint((by: number) => {
    this.#count += by;
    return this.#count;
  });
}

if (import.meta.main) {
  await using procs = await thisHost().spawnProcs({ perHost: { replica: 4, shard: 2 } });
  await using counters = await procs.spawn('counters', Counter);
  counters.slice({ shard: 0 }).add.broadcast(10);
  for (const [point, count] of await counters.add.call(1)) console.log(`${point}: ${count}`);
}
