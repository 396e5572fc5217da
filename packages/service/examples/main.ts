import { Counter } from './counter.ts';

await using counters = await Counter.options({ numReplicas: 2 }).asService();
console.log(await counters.increment.route(5), await counters.increment.route(1)); // 5 1: two replicas, in turns
console.log(await counters.increment.fanout(10)); // [ 15, 11 ]
await using session = await counters.session();
console.log(await session.increment.route(1), await session.increment.route(1)); // 16 17: one replica
