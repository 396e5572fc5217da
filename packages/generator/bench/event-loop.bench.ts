import { fork } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { staticBatches } from './loads.ts';
import { print } from './print.ts';
import { openEngine, setting } from './small-engine.ts';

// How long the event loop stands still while a full batch is computed, beside the bar of 2 ms. By the clock that is as much the
// work of the operating system as ours: with every processor busy it takes the loop's thread away for milliseconds. So the
// same is read in an idle process beside the one that works, and turns in which nobody took a processor away tell what a run
// and the bookkeeping around it take.
const barMs = 2;
const numSequences = 32;
const numBatches = 25;

/** The 99th percentile and the longest, in ms. */
interface Held {
  readonly p99: number;
  readonly longest: number;
}

/** By the clock, from timer to timer. */
async function delayedMs(work: () => Promise<unknown>): Promise<Held> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await work();
  delay.disable();
  return { p99: delay.percentile(99) / 1e6 - 1, longest: delay.max / 1e6 - 1 }; // its timers are a millisecond apart
}

/**
 * By the clock, from turn to turn; turns without work do not count, nor those in which a thread of this process had to make
 * way for another one. (The processor time of a thread is told to the tick of the system's clock, which is 4 ms.)
 */
async function undisturbedMs(work: () => Promise<unknown>): Promise<Held & { readonly share: number }> {
  const turns: { readonly ms: number; readonly isDisturbed: boolean }[] = [];
  let startedAtMs = performance.now();
  let numBefore = process.resourceUsage().involuntaryContextSwitches;
  let isOver = false;
  const turn = (): void => {
    const ms = performance.now() - startedAtMs;
    const { involuntaryContextSwitches: numAfter } = process.resourceUsage();
    if (ms > 0.05) turns.push({ ms, isDisturbed: numAfter > numBefore });
    numBefore = numAfter;
    startedAtMs = performance.now();
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  await work();
  isOver = true;
  const own = turns.filter(({ isDisturbed }) => !isDisturbed).map(({ ms }) => ms);
  own.sort((a, b) => a - b);
  return { p99: own[Math.floor(own.length * 0.99)]!, longest: own.at(-1)!, share: own.length / turns.length };
}

await using engine = await openEngine({ maxSequences: numSequences });
const work = () => staticBatches(engine, numSequences, numBatches);
await staticBatches(engine, numSequences, 4);

if (process.send) {
  // The process that works beside an idle one, from a message to the next.
  process.send('ready');
  await once(process, 'message');
  await work();
  process.disconnect();
} else {
  const undisturbed = await undisturbedMs(work);
  const delayed = await delayedMs(work);
  const child = fork(fileURLToPath(import.meta.url));
  const ended = once(child, 'exit');
  await once(child, 'message');
  const idle = await delayedMs(async () => {
    child.send('go');
    await ended;
  });
  for (const [figure, name] of [
    ['p99', '99th percentile'],
    ['longest', 'longest'],
  ] as const) {
    const bench = `event loop held in steps, ${name}, ${setting}`;
    const of = { unit: 'ms', control: barMs };
    print({ bench: `${bench}, undisturbed turns; control: the bar`, value: undisturbed[figure], ...of });
    print({ bench: `${bench}, by the clock; control: the bar`, value: delayed[figure], ...of });
    print({
      bench: `${bench}, by the clock; control: idle beside a process that works`,
      ...of,
      value: delayed[figure],
      control: idle[figure],
    });
  }
  print({
    bench: `turns of the event loop that were not disturbed, ${setting}; control: all with work`,
    value: undisturbed.share,
    unit: '× all',
    control: 1,
  });
}
