import { runIn, type Scope } from '../actor/context.ts';
import { Tail } from '../children/tail.ts';
import type { ProcessExit } from '../errors.ts';
import { Program, type ProgramPlace } from '../program/program.ts';
import { readableOutput } from '../seeing/log-frame.ts';
import type { Accept } from '../wire/connection.ts';
import type { SimulatedConnection } from './simulated-connection.ts';
import { simulatedPlatform } from './simulated-platform.ts';
import type { World } from './world.ts';

/** Where a process runs and who started it. */
export interface ProcessStart {
  readonly id: string;
  readonly machine: string;
  readonly parent?: SimulatedProcess;
  /** `undefined` for the root of the program. */
  readonly place?: ProgramPlace;
  /** It prints a line. */
  readonly onLine: (stream: 'stdout' | 'stderr', line: string) => void;
}

/** A process of the simulated program. Its code runs in events of its own; after its end there are none. */
export class SimulatedProcess {
  readonly id: string;
  readonly machine: string;
  readonly pid: number;
  readonly program: Program;
  readonly connections = new Set<SimulatedConnection>();
  readonly children = new Set<SimulatedProcess>();
  /** The last lines it wrote to stderr. */
  readonly tail = new Tail();
  /** How it ended, once it has. */
  readonly exited: Promise<ProcessExit>;
  /** What it does when it ends by itself. */
  readonly exitTasks: (() => void)[] = [];
  /** Takes connections, once it listens. */
  accept: Accept | undefined;
  /** Timers that wait. */
  timers = 0;
  /** It is stopped in its tracks: what comes is held back. */
  isPaused = false;
  readonly #world: World;
  readonly #scope: Scope;
  readonly #onLine: ProcessStart['onLine'];
  #held: (() => void)[] = [];
  #isAlive = true;
  // Set by the executor, which runs before the constructor returns.
  #resolveExit!: (exit: ProcessExit) => void;

  constructor(world: World, { id, machine, parent, place, onLine }: ProcessStart) {
    this.#world = world;
    this.id = id;
    this.machine = machine;
    this.#onLine = onLine;
    this.pid = world.processes.size + 1;
    this.exited = new Promise((resolve) => {
      this.#resolveExit = resolve;
    });
    world.processes.set(id, this);
    parent?.children.add(this);
    this.program = new Program(simulatedPlatform(world, this), place);
    this.#scope = { program: this.program, owner: this.program, context: undefined };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Runs code of the program in this process. */
  run<T>(task: () => T): T {
    return runIn(this.#scope, task);
  }

  printed(stream: 'stdout' | 'stderr', line: string): void {
    const readable = readableOutput(line);
    if (stream === 'stderr' && readable !== undefined) this.tail.add(readable);
    this.#onLine(stream, line);
  }

  /** Keeps an event until the process goes on. */
  hold(event: () => void): void {
    this.#held.push(event);
  }

  /** What was held back happens now, in order. */
  resume(): void {
    this.isPaused = false;
    for (const event of this.#held.splice(0)) this.#world.later(this, 0, `held ${this.id}`, event);
  }

  /** It ends at once, with everything that the system keeps for it. */
  end(exitCode: number | null, signal: string | null): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#held = [];
    this.#world.note(`end ${this.id} ${signal ?? exitCode}`);
    for (const connection of [...this.connections]) connection.processEnded(this);
    for (const child of this.children) this.#world.orphan(child);
    this.#resolveExit({ pid: this.pid, exitCode, signal, stderrTail: this.tail.lines });
  }
}
