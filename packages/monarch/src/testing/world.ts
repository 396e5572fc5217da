import type { SessionFaults } from '../wire/session.ts';
import { EventQueue } from './event-queue.ts';
import { delayOf, type NetworkModel } from './network-model.ts';
import type { Random } from './random.ts';
import type { SimulatedConnection } from './simulated-connection.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import { Trace } from './trace.ts';

/** Time of a frame between processes of one machine. */
const LOCAL_MS = 0.02;
/** Time for the end of a process to reach those that it started. */
const ORPHAN_MS = 0.5;

/** How much of what happened. */
export interface SimulationCounters {
  /** Processes started. */
  launched: number;
  /** Processes ended by `crash`. */
  crashed: number;
  /** Frames sent. */
  frames: number;
  /** Frames that arrived twice. */
  duplicates: number;
  /** Frames that arrived before one that was sent earlier. */
  overtakings: number;
  /** Connections that broke. */
  cuts: number;
  partitions: number;
}

/** What makes a world. */
export interface WorldOptions {
  readonly random: Random;
  readonly network: NetworkModel;
  /** Shortest and longest time that a process takes to start. */
  readonly launchMs: readonly [number, number];
  readonly faults: SessionFaults;
}

/** Machines, processes and connections: who is there, who can reach whom, and what is going to happen. */
export class World {
  readonly queue = new EventQueue();
  readonly trace = new Trace();
  readonly processes = new Map<string, SimulatedProcess>();
  readonly connections = new Set<SimulatedConnection>();
  readonly counters: SimulationCounters = {
    launched: 0,
    crashed: 0,
    frames: 0,
    duplicates: 0,
    overtakings: 0,
    cuts: 0,
    partitions: 0,
  };
  readonly random: Random;
  readonly network: NetworkModel;
  readonly launchMs: readonly [number, number];
  readonly faults: SessionFaults;
  /** Modules that are being imported, in real time: nothing else may happen meanwhile. */
  readonly loading = new Set<Promise<object>>();
  readonly #modules = new Map<string, Promise<object>>();
  /** The partition that a machine is in; those without one are together. */
  readonly #islands = new Map<string, number>();
  #partitions = 0;
  readonly #down = new Set<string>();

  constructor({ random, network, launchMs, faults }: WorldOptions) {
    this.random = random;
    this.network = network;
    this.launchMs = launchMs;
    this.faults = faults;
  }

  /** Adds a line to what happened. */
  note(what: string): void {
    this.trace.add(this.queue.nowMs, what);
  }

  /** Lets something happen to a process, unless it has ended by then; to nobody in particular without one. */
  later(process: SimulatedProcess | undefined, delayMs: number, what: string, task: () => void): () => void {
    let isCancelled = false;
    const happen = () => {
      if (isCancelled) return;
      if (process?.isPaused) return process.hold(happen);
      this.note(what);
      if (process === undefined) task();
      else process.run(task);
    };
    const cancel = this.queue.add(delayMs, happen, () => process !== undefined && !process.isAlive);
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  /** Time of a frame between two machines. */
  delay(from: string, to: string): number {
    return from === to ? LOCAL_MS : delayOf(this.network, this.random);
  }

  /** Frames pass between these machines. */
  hasWay(from: string, to: string): boolean {
    if (this.#down.has(from) || this.#down.has(to)) return false;
    return from === to || this.#islands.get(from) === this.#islands.get(to);
  }

  /** Cuts these machines off from all others, not from each other. */
  partition(machines: readonly string[]): void {
    const number = ++this.#partitions;
    this.counters.partitions++;
    for (const machine of machines) this.#islands.set(machine, number);
    for (const connection of this.connections) {
      if (this.#isWhole(connection)) continue;
      this.later(undefined, this.network.silenceMs, 'silence', () => {
        if (this.#partitions === number && !this.#isWhole(connection)) connection.cut('it was silent.');
      });
    }
  }

  /** Ends every partition. */
  heal(): void {
    this.#islands.clear();
    this.#partitions++;
    for (const connection of this.connections) if (this.#isWhole(connection)) connection.heal();
  }

  /** The machine loses its power: what runs there is gone, and nobody is told. */
  crashMachine(machine: string): void {
    this.#down.add(machine);
    for (const process of this.processes.values()) if (process.machine === machine) this.crash(process);
  }

  /** The process ends, as by `kill -9`. */
  crash(process: SimulatedProcess): void {
    if (process.isAlive) this.counters.crashed++;
    process.end(null, 'SIGKILL');
  }

  /** A process is let go by the one that started it, or has lost it. */
  orphan(child: SimulatedProcess): void {
    const { program, id } = child;
    this.later(child, ORPHAN_MS, `orphan ${id}`, () => program.platform.exit(program.hasLeft ? 0 : 1));
  }

  /** What a module exports. */
  load(module: string): Promise<object> {
    let loaded = this.#modules.get(module);
    if (loaded === undefined) {
      loaded = import(/* @vite-ignore */ module) as Promise<object>;
      this.#modules.set(module, loaded);
      this.loading.add(loaded);
    }
    return loaded;
  }

  #isWhole({ processes: [one, other] }: SimulatedConnection): boolean {
    return this.hasWay(one.machine, other.machine);
  }
}
