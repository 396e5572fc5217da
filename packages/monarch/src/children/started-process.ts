import type { ProcessExit } from '../errors.ts';
import type { Machine } from '../hosts/machine.ts';
import type { ProcGroup } from '../mesh/proc-group.ts';
import type { AgentMethodName } from '../process/agent.ts';
import type { LocalProcess } from '../process/local-process.ts';
import type { Loss } from '../process/peer.ts';
import type { Launched } from '../program/platform.ts';
import { CHANNELS } from '../seeing/channels.ts';
import type { ProcessLog } from '../seeing/process-log.ts';
import type { Restarts } from '../supervision/restart.ts';
import { within } from '../time/deadline.ts';

/** Time for the actors of a process to stop; after it the process is killed. */
const LEAVE_MS = 9_000;
/** Time for a process to end when nothing holds it, and for its link to end after it. */
const EXIT_MS = 2_000;

const starts = CHANNELS['monarch:process:start'];
const exits = CHANNELS['monarch:process:exit'];

/** One place of a group, whatever process has it. */
export interface Place {
  readonly group: ProcGroup;
  readonly rank: number;
  readonly machine: Machine;
  readonly env: Readonly<Record<string, string>>;
  readonly restarts: Restarts | undefined;
  /** No process will start there any more. */
  readonly releaseLog: () => void;
  /** The process that has it last. */
  child: StartedProcess | undefined;
}

/** What becomes of a process. */
export interface Fate {
  /** Why it is lost, once it is. */
  readonly loss: PromiseWithResolvers<Loss>;
  /** What became of its place, if it was restarting: its successor, or why there is none. */
  readonly succession: PromiseWithResolvers<string | Loss>;
}

/** A process that this one has started, from then to its end. */
export class StartedProcess implements Fate {
  readonly id: string;
  readonly place: Place;
  readonly process: Launched;
  readonly loss: Fate['loss'] = Promise.withResolvers();
  readonly succession: Fate['succession'] = Promise.withResolvers();
  /** How it ended. Never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** Its end is seen to, and may be followed by a restart. */
  isWatched = false;
  /** Set when its end is wanted, with the reason. */
  stopping: string | undefined;
  readonly #local: LocalProcess;
  readonly #log: ProcessLog;
  readonly #link = Promise.withResolvers<void>();
  #hasExited = false;

  /** Starts it. */
  constructor(local: LocalProcess, place: Place, id: string) {
    const { group, rank, machine, env } = place;
    this.id = id;
    this.place = place;
    this.#local = local;
    this.#log = group.log.open({ process: id, rank, name: () => group.label || group.name });
    const onLine = (stream: 'stdout' | 'stderr', line: string) => this.#log.read(stream, line);
    const name = `${group.name}/${rank}`;
    this.process = machine.launch({ id, name, env, onLine });
    const { pid } = this.process;
    if (starts.hasSubscribers) starts.publish({ process: id, name, pid });
    this.exited = this.process.exited.then((exit) => {
      this.#hasExited = true;
      this.#log.end();
      if (exits.hasSubscribers) exits.publish({ process: id, name, pid, exit });
      return exit;
    });
  }

  get group(): ProcGroup {
    return this.place.group;
  }

  get rank(): number {
    return this.place.rank;
  }

  /** Waits until it is ready; how it ended, when it did before. */
  async ready(): Promise<ProcessExit | undefined> {
    return (await Promise.race([this.process.ready, this.exited])) ?? undefined;
  }

  /** The link to it has ended: a process without its link is of no use. */
  linkEnded(): void {
    this.#link.resolve();
    void within(this.#local.clock, EXIT_MS, this.exited).then((ended) => ended || this.process.kill());
  }

  /** Waits for the end of its link, by which answers come that it sent before its end. */
  async drained(): Promise<void> {
    await within(this.#local.clock, EXIT_MS, this.#link.promise);
  }

  /** Tells it what it spawns in place of other classes. */
  async tellStandIns(): Promise<void> {
    // Of a process that is lost its owner hears anyway.
    await Promise.race([this.#ask('standIns', [this.#local.standIns.list]), this.exited]);
  }

  /** Has it give no number up to `last`: those are of actors that are made again. */
  async reserve(last: number): Promise<void> {
    await this.#ask('reserve', [last]);
  }

  /** Waits until everything that it has printed so far has been read here. */
  async flushLogs(): Promise<void> {
    if ((await this.ready()) !== undefined) return;
    const mark = `${this.id} ${this.#local.count()}`;
    const marked = this.#log.mark(mark);
    void this.#ask('flushLogs', [mark]);
    await marked;
  }

  /** Ends it: its actors first, unless they had their time, and by force when it does not by itself. */
  async stop(reason: string, isStuck: boolean): Promise<void> {
    if (this.#hasExited) return;
    this.stopping = reason;
    const { clock } = this.#local;
    const left = this.#ask('leave', [reason]);
    const isReady = (await this.ready()) === undefined;
    if (isReady && (await within(clock, isStuck ? EXIT_MS : LEAVE_MS, left))) this.process.release();
    else this.process.kill();
    if (!(await within(clock, EXIT_MS, this.exited))) this.process.kill();
    await this.exited;
  }

  /** Never rejects: what a process that is lost does not do, others see to. */
  async #ask(method: AgentMethodName, args: readonly unknown[]): Promise<void> {
    const about = { mesh: this.group.name, point: this.group.extent.point(this.rank) };
    await this.#local.ask(this.id, about, method, this.#local.encode(args)).catch(() => {});
  }
}
