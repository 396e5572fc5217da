import { reasonText } from '../errors.ts';
import type { HostMesh } from '../mesh/host-mesh.ts';
import type { SessionFaults } from '../wire/session.ts';
import { settled } from './manual-clock.ts';
import { type NetworkModel, networkOf } from './network-model.ts';
import { seededRandom } from './random.ts';
import { attachSimulated } from './simulated-hosts.ts';
import { SimulatedProcess } from './simulated-process.ts';
import { type SimulatedWorld, worldControls } from './simulated-world.ts';
import { SimulationError } from './simulation-error.ts';
import { type SimulationCounters, World } from './world.ts';

/** How to simulate. */
export interface SimulateOptions {
  /** Everything that is left to chance follows from it. */
  readonly seed: number;
  /** Machines beside the one that runs the program. @default 2 */
  readonly hosts?: number;
  /** How the network between machines behaves. @default drawn from the seed, from perfect to bad */
  readonly network?: Partial<NetworkModel>;
  /** Shortest and longest time that a process takes to start. @default [1, 30] */
  readonly launchMs?: readonly [number, number];
  /** Events after which it is given up as endless. @default 200_000 */
  readonly maxEvents?: number;
  /** Breaks delivery on purpose, to prove that a test would notice. @default none */
  readonly faults?: SessionFaults;
}

/** What the simulated program has. */
export interface SimulationScene {
  /** The machines, as a mesh. */
  readonly hosts: HostMesh<'hosts'>;
  /** What happens to them. */
  readonly world: SimulatedWorld;
}

/** What came of a simulation. */
export interface Simulation<T> {
  /** What the body returned. */
  readonly value: T;
  readonly seed: number;
  /** The same for the same seed and code: it depends on every event and its time. */
  readonly hash: string;
  /** What happened, in order, each line with its time in milliseconds. */
  readonly trace: readonly string[];
  /** Simulated time that passed. */
  readonly virtualMs: number;
  readonly counters: Readonly<SimulationCounters>;
  /** Lines that the program and its processes printed. */
  readonly output: readonly string[];
  /** What outlived the program, which stops everything at its end; empty when all is well. */
  readonly left: readonly string[];
}

/**
 * Runs a program on a cluster that exists in this process alone: the same code as on a real one, but time, machines,
 * processes and network are simulated, and all that is left to chance follows from a seed. Actors of all processes
 * share this process's modules, and nothing of them may wait for the real world.
 *
 * @throws {SimulationError} when the body throws or waits for something that cannot happen; it tells the seed.
 */
export async function simulate<T>(
  options: SimulateOptions,
  body: (scene: SimulationScene) => Promise<T>,
): Promise<Simulation<T>> {
  const { seed, hosts = 2, network, launchMs = [1, 30], maxEvents = 200_000, faults = {} } = options;
  const random = seededRandom(seed);
  const model = networkOf(random.fork('network model'), network);
  const world = new World({ random: random.fork('world'), network: model, launchMs, faults });
  const output: string[] = [];
  const root = new SimulatedProcess(world, { id: '0', machine: '0', onLine: (_, line) => void output.push(line) });
  const fail = (problem: string, cause?: unknown) =>
    new SimulationError(seed, problem, world.trace.lines, cause === undefined ? undefined : { cause });

  /** Lets things happen until `work` is done. */
  const drive = async <R>(work: Promise<R>): Promise<R> => {
    let isDone = false;
    const done = () => {
      isDone = true;
    };
    work.then(done, done);
    for (;;) {
      await settled();
      if (isDone) return await work;
      if (!root.isAlive) throw fail(`the program ended: ${root.tail.lines.join('\n')}`);
      if (!(await step(world))) throw fail(`nothing can happen any more, and it waits for\n${waiting(world)}`);
      if (world.trace.length > maxEvents)
        throw fail(`it is not over after ${maxEvents} events. It waits for\n${waiting(world)}`);
    }
  };

  const controls = worldControls(world, random.fork('body'));
  const program = async () => await body({ hosts: await attachSimulated(world, root, hosts), world: controls });
  const value = await drive(root.run(program)).catch((error) => {
    throw error instanceof SimulationError ? error : fail(reasonText(error), error);
  });
  await drive(root.run(async () => await root.program.stop('the simulation is over.')));
  while (await step(world)) await settled();
  const { trace, queue, counters } = world;
  const left = remains(world);
  return { value, seed, hash: trace.hash, trace: trace.lines, virtualMs: queue.nowMs, counters, output, left };
}

/** Lets the next event happen; `false` when there is none. */
async function step(world: World): Promise<boolean> {
  while (world.loading.size > 0) {
    const loading = [...world.loading];
    await Promise.allSettled(loading);
    for (const loaded of loading) world.loading.delete(loaded);
    await settled();
  }
  const event = world.queue.take();
  event?.run();
  return event !== undefined;
}

/** What calls wait for. */
function waiting(world: World): string {
  const lines = [...world.processes.values()].flatMap((process) => {
    if (!process.isAlive) return [];
    const calls = process.program.process.exchange.waiting.map((call) => `  process ${process.id}: ${call}`);
    return process.isPaused ? [`  process ${process.id} is paused`, ...calls] : calls;
  });
  return lines.length === 0
    ? '  something that is no call: real time, real input, or a promise nobody settles'
    : lines.join('\n');
}

/** What outlived the program. */
function remains(world: World): readonly string[] {
  const lines: string[] = [];
  for (const process of world.processes.values()) {
    if (!process.isAlive) continue;
    const { id, timers, connections, program } = process;
    if (id !== '0') lines.push(`process ${id} runs`);
    if (timers > 0) lines.push(`process ${id} has ${timers} timers`);
    if (connections.size > 0) lines.push(`process ${id} has ${connections.size} connections`);
    for (const call of program.process.exchange.waiting) lines.push(`process ${id} waits for ${call}`);
    if (program.process.cells.size > 0) lines.push(`process ${id} has ${program.process.cells.size} actors`);
  }
  return lines;
}
