import { availableParallelism, loadavg } from 'node:os';
import { Echo } from './echo.ts';

// Ours against the control in turns within one run, so that both meet the same machine; medians over rounds.
const ROUNDS = 11;
const CALLS = 2000;

interface Figure {
  readonly bench: string;
  readonly value: number;
  readonly unit: string;
  readonly control: number;
}

function report({ bench, value, unit, control }: Figure): void {
  const round = (figure: number) => Number(figure.toPrecision(4));
  console.log(
    JSON.stringify({
      bench,
      value: round(value),
      unit,
      control: round(control),
      ratio: round(value / control),
      load: round(loadavg()[0] ?? 0),
      cores: availableParallelism(),
    }),
  );
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

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
  const perSecond = async (numReplicas: number) => {
    await using service = await Echo.options({ numReplicas }).asService();
    await service.after.fanout(0);
    const start = performance.now();
    await Promise.all(Array.from({ length: calls }, () => service.after.route(5)));
    return (calls * 1000) / (performance.now() - start);
  };
  const one = await perSecond(1);
  const four = await perSecond(4);
  report({ bench: 'service.route: 5 ms endpoint, 4 replicas, against 1', value: four, unit: 'calls/s', control: one });
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

await overhead('inline');
await overhead('process');
await throughput();
await deepQueue();
