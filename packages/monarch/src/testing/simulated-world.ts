import { ExtentError } from '../errors.ts';
import { meshReferenceOf } from '../mesh/actor-mesh.ts';
import { ProcView } from '../mesh/proc-mesh.ts';
import { program } from '../program/current-program.ts';
import type { Random } from './random.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { World } from './world.ts';

/**
 * Where something happens: a machine by its rank in `hosts`, a process by its id, or the processes of a mesh of actors
 * or processes.
 */
export type Place = number | string | object;

/** What a simulated program may do to its cluster. Time in milliseconds. */
export interface SimulatedWorld {
  readonly now: number;
  /** Choices of the test itself, from the seed. */
  readonly random: Random;
  /** Ids of the processes that run; `0` is the program itself. */
  readonly processes: readonly string[];
  /** Waits; what else is due happens meanwhile. */
  sleep(ms: number): Promise<void>;
  /** Breaks the connections between two places, with all that is on its way. Sessions resume. */
  cut(one: Place, other: Place): void;
  /** Cuts machines off from all others, until {@link heal}. */
  partition(...hosts: readonly number[]): void;
  /** Ends all partitions. */
  heal(): void;
  /** Processes end at once, as by `kill -9`; a machine with all its processes, and without a word to others. */
  crash(place: Place): void;
  /** Processes stop in their tracks, as by `kill -STOP`; what comes for them waits. */
  pause(place: Place): void;
  resume(place: Place): void;
  /** Adds a line to the trace. */
  note(text: string): void;
}

export function worldControls(world: World, random: Random): SimulatedWorld {
  const machineOf = (host: number) => `h${host + 1}`;
  const processesAt = (place: Place): readonly SimulatedProcess[] => {
    const alive = [...world.processes.values()].filter(({ isAlive }) => isAlive);
    if (typeof place === 'number') return alive.filter(({ machine }) => machine === machineOf(place));
    const ids = new Set(idsOf(place));
    return alive.filter(({ id }) => ids.has(id));
  };
  return {
    get now() {
      return world.queue.nowMs;
    },
    random,
    get processes() {
      return [...world.processes.values()].filter(({ isAlive }) => isAlive).map(({ id }) => id);
    },
    sleep: async (ms) => {
      const process = world.processes.get(program().process.id);
      await new Promise<void>((resolve) => world.later(process, ms, `wake ${process?.id}`, resolve));
    },
    cut: (one, other) => {
      const [these, those] = [new Set(processesAt(one)), new Set(processesAt(other))];
      for (const connection of [...world.connections]) {
        const [a, b] = connection.processes;
        if ((these.has(a) && those.has(b)) || (these.has(b) && those.has(a))) connection.cut('it was cut.');
      }
    },
    partition: (...hosts) => world.partition(hosts.map(machineOf)),
    heal: () => world.heal(),
    crash: (place) => {
      if (typeof place === 'number') world.crashMachine(machineOf(place));
      else for (const process of processesAt(place)) world.crash(process);
    },
    pause: (place) => {
      for (const process of processesAt(place)) process.isPaused = true;
    },
    resume: (place) => {
      for (const process of processesAt(place)) process.resume();
    },
    note: (text) => world.note(text),
  };
}

function idsOf(place: string | object): readonly string[] {
  if (typeof place === 'string') return [place];
  if (place instanceof ProcView) return place.nodes;
  const reference = meshReferenceOf(place);
  if (reference === undefined) throw new ExtentError('A place is a rank of `hosts`, the id of a process, or a mesh.');
  return reference.addresses.map(([process]) => process);
}
