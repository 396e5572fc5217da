// A mesh without processes: run it with `node inline-procs.ts`.
import { inlineProcs } from '@forge/monarch/testing';
import { Counter } from './counters.ts';

await using procs = await inlineProcs({ replica: 2 });
await using counters = await procs.spawn('counters', Counter);
console.log((await counters.add.call(3)).toArray()); // [ 3, 3 ]
