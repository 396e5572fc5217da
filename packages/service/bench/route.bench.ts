import { Echo } from './echo.ts';
import { median, report } from './figure.ts';
import { bytesOf } from './heap.ts';

// Ours against the control in turns within one run, so that both meet the same machine; medians over rounds.
const ROUNDS = 11;
const CALLS = 2000;

async function usPerCall(call: (value: number) => Promise<number>): Promise<number> {
  const start = performance.now();
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await call(i);
  if (sum !== (CALLS * (CALLS - 1)) / 2) throw new RangeError(`The calls answered ${sum} in sum.`);
  return ((performance.now() - start) * 1000) / CALLS;
}

async function overhead(kind: 'inline' | 'process'): Promise<void> {
  await using service = await Echo.options({ kind }).asService();
  await using actor = await Echo.options({ kind }).asActor();
  const samples = { route: [] as number[], callOne: [] as number[] };
  // Compiled code on both sides before anything counts.
  for (let i = 0; i < 3; i++) {
    await usPerCall((value) => actor.echo.callOne(value));
    await usPerCall((value) => service.echo.route(value));
  }
  for (let round = 0; round < ROUNDS; round++) {
    samples.callOne.push(await usPerCall((value) => actor.echo.callOne(value)));
    samples.route.push(await usPerCall((value) => service.echo.route(value)));
  }
  const [value, control] = [median(samples.route), median(samples.callOne)];
  report({ bench: `service.route/${kind}: one call at a time, against callOne`, value, unit: 'us/call', control });
}

async function throughput(): Promise<void> {
  const calls = 200;
  await using one = await Echo.options({ numReplicas: 1 }).asService();
  await using four = await Echo.options({ numReplicas: 4 }).asService();
  const perSecond = async (service: typeof one) => {
    const start = performance.now();
    await Promise.all(Array.from({ length: calls }, () => service.after.route(5)));
    return (calls * 1000) / (performance.now() - start);
  };
  const samples = { one: [] as number[], four: [] as number[] };
  for (let round = 0; round < 5; round++) {
    samples.one.push(await perSecond(one));
    samples.four.push(await perSecond(four));
  }
  const [value, control] = [median(samples.four), median(samples.one)];
  report({ bench: 'service.route: 5 ms endpoint, 4 replicas, against 1', value, unit: 'calls/s', control });
}

async function deepQueue(): Promise<void> {
  const calls = 10_000;
  await using service = await Echo.options({ kind: 'inline', maxQueuedRequests: calls }).asService();
  await using actor = await Echo.options({ kind: 'inline' }).asActor();
  const usEach = async (call: (value: number) => Promise<number>) => {
    const start = performance.now();
    await Promise.all(Array.from({ length: calls }, (_, value) => call(value)));
    return ((performance.now() - start) * 1000) / calls;
  };
  const samples = { route: [] as number[], callOne: [] as number[] };
  for (let round = 0; round < 5; round++) {
    samples.callOne.push(await usEach((value) => actor.echo.callOne(value)));
    samples.route.push(await usEach((value) => service.echo.route(value)));
  }
  const [value, control] = [median(samples.route), median(samples.callOne)];
  report({ bench: 'service.route/inline: 10,000 calls at once, against callOne', value, unit: 'us/call', control });
}

const QUEUED = 100_000;
const listOf = <R>(make: (...args: readonly number[]) => R) => Array.from({ length: QUEUED }, (_, i) => make(i));

/** Bytes of calls that wait, beside their arguments. */
async function queuedBytes(): Promise<number> {
  const options = { kind: 'inline', maxQueuedRequests: QUEUED, replicaMaxConcurrentRequests: 1 } as const;
  await using service = await Echo.options(options).asService();
  const held = service.hold.route();
  const argumentsAlone = bytesOf(() => listOf((...args) => args)).bytes;
  const { value: calls, bytes } = bytesOf(() => listOf((i = 0) => service.echo.route(i)));
  await service.release.fanout();
  await held;
  const sum = (await Promise.all(calls)).reduce((total, answer) => total + answer, 0);
  if (sum !== (QUEUED * (QUEUED - 1)) / 2) throw new RangeError(`The calls answered ${sum} in sum.`);
  return bytes - argumentsAlone;
}

/** Bytes of promises and what resolves them, the list that keeps them apart: no call that waits takes less. */
function promiseBytes(): number {
  const lists = bytesOf(() => listOf((i) => i)).bytes;
  const promises = () =>
    listOf(() => {
      let settle: unknown;
      void new Promise((resolve) => {
        settle = resolve;
      });
      return settle;
    });
  return bytesOf(promises).bytes - lists;
}

async function queueMemory(): Promise<void> {
  const samples = { queued: [] as number[], promises: [] as number[] };
  // The first round compiles the code.
  for (let round = 0; round < 3; round++) {
    samples.queued.push(await queuedBytes());
    samples.promises.push(promiseBytes());
  }
  report({
    bench: 'service.route: memory of one of 100,000 calls that wait, arguments apart, against a promise alone',
    value: median(samples.queued) / QUEUED,
    unit: 'bytes/call',
    control: median(samples.promises) / QUEUED,
  });
}

/** The slowest calls of all, when one of four replicas takes ten times as long; the control: of three that do not. */
async function slowReplica(router: 'roundRobin' | 'leastLoaded' | 'powerOfTwo'): Promise<void> {
  const [calls, callers, ms] = [3000, 12, 5];
  await using mixed = await Echo.options({ numReplicas: 4, router }).asService();
  await using fast = await Echo.options({ numReplicas: 3, router }).asService();
  await mixed.session(async () => await mixed.beSlow.route(10));
  const p99 = async (service: typeof mixed) => {
    const latencies: number[] = [];
    let left = calls;
    const caller = async () => {
      while (left-- > 0) {
        const start = performance.now();
        await service.work.route(ms);
        latencies.push(performance.now() - start);
      }
    };
    await Promise.all(Array.from({ length: callers }, caller));
    return latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length * 0.99)] ?? 0;
  };
  const value = await p99(mixed);
  const control = await p99(fast);
  report({
    bench: `service.route/${router}: p99, one of 4 replicas 10 times slower, against 3 that are not`,
    value,
    unit: 'ms',
    control,
  });
}

await overhead('inline');
await overhead('process');
await throughput();
await deepQueue();
await queueMemory();
for (const router of ['roundRobin', 'leastLoaded', 'powerOfTwo'] as const) await slowReplica(router);
