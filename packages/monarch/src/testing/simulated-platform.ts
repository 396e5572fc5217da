import { AsyncLocalStorage } from 'node:async_hooks';
import type { Launched, LaunchOptions, Platform } from '../program/platform.ts';
import { lineSplitter } from '../seeing/line-splitter.ts';
import type { Clock } from '../time/clock.ts';
import { simulatedNetwork } from './simulated-network.ts';
import { type ProcessStart, SimulatedProcess } from './simulated-process.ts';
import type { World } from './world.ts';

/** Time of news between a process and one that it started: that it is ready, has ended, is let go, printed a line. */
const NEWS_MS = 0.2;
/** What the clocks of simulated machines say at the start. */
const START_DATE = Date.UTC(2000, 0, 1);
/** Time to import a module. */
const IMPORT_MS = 0.1;

/** What a simulated process has of its world. */
export function simulatedPlatform(world: World, process: SimulatedProcess): Platform {
  const lines = {
    stdout: lineSplitter((line) => process.printed('stdout', line)),
    stderr: lineSplitter((line) => process.printed('stderr', line)),
  };
  const random = world.random.fork(process.id);
  const startedMs = world.queue.nowMs;
  let nonces = 0;
  return {
    clock: simulatedClock(world, process),
    date: () => START_DATE + world.queue.nowMs,
    random: random.next,
    isTerminal: () => false,
    main: undefined,
    sessionFaults: world.faults,
    makeDirectory: () => 'simulated',
    removeDirectory: () => {},
    openNetwork: async ({ accept }) => simulatedNetwork(world, process, accept),
    launch: (options) => launch(world, process, options),
    importModule: async (module) => {
      const loaded = world.load(module);
      await new Promise<void>((resolve) => world.later(process, IMPORT_MS, `import ${process.id}`, resolve));
      return await loaded;
    },
    write: (stream, text) => lines[stream].write(text),
    exit: (code) => {
      if (!process.isAlive) return;
      for (const task of process.exitTasks) task();
      process.end(code, null);
    },
    onExit: (task) => void process.exitTasks.push(task),
    markFailed: () => {},
    // Real numbers would differ from run to run.
    usage: () => ({
      pid: process.pid,
      hostname: process.machine,
      uptimeMs: world.queue.nowMs - startedMs,
      rssBytes: 0,
      heapBytes: 0,
      cpuMs: 0,
      busyMs: 0,
    }),
    nonce: () => `${process.id}/${++nonces}`,
  };
}

function simulatedClock(world: World, process: SimulatedProcess): Clock {
  const after = (delayMs: number, task: () => void) => {
    if (!process.isAlive || delayMs === Number.POSITIVE_INFINITY) return () => {};
    // As with timers of the system, the task runs on behalf of whoever set it.
    const onBehalf = AsyncLocalStorage.snapshot();
    let waits = true;
    process.timers++;
    const done = () => {
      if (waits) process.timers--;
      waits = false;
    };
    const cancel = world.later(process, delayMs, `timer ${process.id}`, () => {
      if (!waits) return;
      done();
      onBehalf(task);
    });
    return () => {
      done();
      cancel();
    };
  };
  return { now: () => world.queue.nowMs, after, soon: (task) => void after(0, task) };
}

/** Starts a process on the machine of the one that asks. */
function launch(world: World, parent: SimulatedProcess, { id, directory, onLine }: LaunchOptions): Launched {
  const place = { id, parent: parent.id, directory };
  const tellParent = (what: string, news: () => void) => void world.later(parent, NEWS_MS, `${what} ${id}`, news);
  const printed: ProcessStart['onLine'] = (stream, line) => tellParent('line', () => onLine(stream, line));
  const child = new SimulatedProcess(world, { id, machine: parent.machine, parent, place, onLine: printed });
  world.counters.launched++;
  const ready = new Promise<void>((resolve) => {
    world.later(child, world.random.between(...world.launchMs), `start ${id}`, () => {
      void child.program.join().then(() => tellParent('ready', resolve));
    });
  });
  const exited = child.exited.then(
    (exit) => new Promise<typeof exit>((resolve) => tellParent('exit', () => resolve(exit))),
  );
  return {
    pid: child.pid,
    ready,
    exited,
    release: () => world.orphan(child),
    kill: () => void world.later(undefined, NEWS_MS, `kill ${id}`, () => child.end(null, 'SIGKILL')),
  };
}
