import { Children } from '../children/children.ts';
import { learnLoss } from '../children/learn-loss.ts';
import { MeshFailure, OwnershipError, reasonText } from '../errors.ts';
import { localMachine, type Machine } from '../hosts/machine.ts';
import { Machines } from '../hosts/machines.ts';
import { inlineProc, type ProcGroup } from '../mesh/proc-group.ts';
import { LocalProcess } from '../process/local-process.ts';
import type { Loss, Peer } from '../process/peer.ts';
import { machineOf } from '../process/process-id.ts';
import type { StandIn } from '../process/stand-ins.ts';
import type { Board } from '../seeing/boards.ts';
import { GroupLog } from '../seeing/group-log.ts';
import type { LogOptions } from '../seeing/log-line.ts';
import { type LogOutlet, logPrinter, logRelay } from '../seeing/log-outlet.ts';
import { machineReports } from '../seeing/machine-reports.ts';
import type { ProcessReport } from '../seeing/process-report.ts';
import { type Owned, type Owner, stopOwned } from '../supervision/owner.ts';
import { Singletons } from '../supervision/singletons.ts';
import type { FaultListener } from '../supervision/unhandled-fault.ts';
import { within } from '../time/deadline.ts';
import type { Network } from '../wire/connection.ts';
import type { Platform } from './platform.ts';
import { ProgramSockets } from './program-sockets.ts';

/** The process that begins a program. */
const ROOT_ID = '0';
/** Time to stop everything after a failure that nobody handled. */
const STOP_MS = 15_000;
/** Time after the end of the link to the parent for its death to be known. */
const PARENT_MS = 200;

/** Where a child process stands in its program. */
export interface ProgramPlace {
  readonly id: string;
  readonly parent: string;
  /** Of the program's sockets. */
  readonly directory: string;
}

/** This process's part of the program that it belongs to, and, in the root, the owner of all. */
export class Program implements Owner {
  readonly name = 'the program';
  readonly owned = new Set<Owned>();
  readonly platform: Platform;
  readonly process: LocalProcess;
  readonly machines: Machines;
  readonly singletons: Singletons;
  /** Tables that libraries show of themselves in this process. */
  readonly boards = new Set<() => Board>();
  /** Of the process that began the program. */
  readonly rootId = ROOT_ID;
  readonly isRoot: boolean;
  ended: string | undefined;
  /** Decides what becomes of a failure that no owner handled. @default the end of the program */
  onFault: FaultListener | undefined;
  #hasFailed = false;
  readonly #parent: string | undefined;
  readonly #children: Children;
  readonly #outlet: LogOutlet;
  readonly #sockets: ProgramSockets;
  readonly #thisMachine: Machine;
  /** Groups whose processes are being started. */
  #starting = 0;

  constructor(platform: Platform, place?: ProgramPlace) {
    this.platform = platform;
    this.isRoot = place === undefined;
    this.#parent = place?.parent;
    this.process = new LocalProcess({
      id: place?.id ?? ROOT_ID,
      platform,
      program: this,
      dial: (id, opening) => this.#sockets.dial(id, opening),
      onLost: (peer, reason, cause) => this.#lost(peer, reason, cause),
    });
    this.singletons = new Singletons(this);
    this.machines = new Machines(this.process, place?.parent);
    this.#thisMachine = localMachine(this.process, () => this.directory);
    this.#sockets = new ProgramSockets({
      id: this.process.id,
      platform,
      hosts: this.machines,
      accept: (id) => this.process.exchange.accept(id),
      directory: place?.directory,
    });
    this.#outlet = this.isRoot ? logPrinter(platform) : logRelay(platform);
    this.#children = new Children(this.process, () => this.tidy());
    platform.onExit(() => {
      this.machines.detachNow();
      this.#children.killAll();
      this.#outlet.flush();
      this.#sockets.removeDirectory();
    });
  }

  /** A child was asked to end, and all its actors have. */
  get hasLeft(): boolean {
    return this.process.hasLeft;
  }

  /** Starts the processes of a group, each with its environment. Those of an inline group are this one. */
  async fill(
    group: ProcGroup,
    kind: 'inline' | 'process',
    envs: readonly Readonly<Record<string, string>>[],
    machines: readonly Machine[] = [this.#thisMachine],
  ): Promise<void> {
    if (kind === 'inline') {
      for (let rank = 0; rank < group.extent.size; rank++) group.procs.push(inlineProc(this.process.id));
      return;
    }
    this.#starting++;
    try {
      await this.network();
      if (group.isStopped) throw new OwnershipError(`${group.name} was stopped before it was started.`);
      await this.#children.start(group, machines, envs);
    } finally {
      this.#starting--;
      this.tidy();
    }
  }

  /** Of the program's sockets on this machine. @throws {OwnershipError} before there are any */
  get directory(): string {
    return this.#sockets.directory;
  }

  /** The network of the program; the root opens it with its first child. */
  async network(): Promise<Network> {
    return await this.#sockets.open();
  }

  /** Makes this process part of its program: it listens, and is connected to its parent. To another machine the parent connects. */
  async join(): Promise<void> {
    await this.network();
    if (this.#parent === undefined || machineOf(this.#parent) !== machineOf(this.process.id)) return;
    await this.process.exchange.connect(this.#parent);
  }

  /** What a group of processes prints. @throws {RangeError} on options that are out of range. */
  openLog(options?: LogOptions): GroupLog {
    return new GroupLog(this.platform, this.#outlet, options);
  }

  /** How this process and those that it started are. Each has a part of the time of the one that started it. */
  async look(deadlineMs: number): Promise<ProcessReport> {
    const { process, platform, machines } = this;
    const processes = await Promise.all([
      machineReports(process, machines.attached, deadlineMs),
      this.#children.look(deadlineMs),
    ]);
    return {
      id: process.id,
      asOf: platform.date(),
      usage: platform.usage(),
      actors: process.cells.report(),
      peers: process.exchange.peerReports(),
      failures: process.failures.latest,
      failureCount: process.failures.count,
      boards: [...this.boards].map((board) => board()),
      processes: processes.flat(),
    };
  }

  /** Passes on everything that processes started from here have printed so far, then says so with `mark`. */
  async flushLogs(mark: string): Promise<void> {
    await this.#children.flushLogs();
    this.#outlet.mark(mark);
  }

  /** Takes over what the process that started this one spawns in place of other classes. */
  async inheritStandIns(list: readonly StandIn[]): Promise<void> {
    this.process.standIns.inherit(list);
    await this.announceStandIns();
  }

  /** Tells all processes started from here, and through them those started from there, what stands in for classes. */
  async announceStandIns(): Promise<void> {
    await this.#children.announceStandIns();
  }

  /** A failure that no owner handled: unless `onFault` takes it, it is the end of the program. */
  async supervise(failure: MeshFailure): Promise<void> {
    if (this.#hasFailed) return;
    if (failure.restarting) {
      this.platform.write('stderr', `forge: ${failure.message} It is restarted.\n`);
      return;
    }
    if (this.onFault === undefined) return await this.#fail(failure);
    try {
      await this.onFault(failure);
    } catch (error) {
      const { mesh, points, kind, process, chain } = failure;
      const problem = `failed, and the listener of unhandled faults threw: ${reasonText(error)}`;
      const cause = new AggregateError([error, failure], problem);
      await this.#fail(new MeshFailure({ mesh, points, kind, process, chain, problem, cause }));
    }
  }

  /** Reports it, stops everything, and ends the program with exit code 1. */
  async #fail(failure: MeshFailure): Promise<void> {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.ended = `it ends, because ${failure.message}`;
    this.#outlet.flush();
    const end = 'Nobody handled this failure: everything is stopped, with exit code 1.';
    this.platform.write('stderr', `forge: ${failure.report()}\n${end}\n`);
    this.platform.markFailed();
    await within(this.platform.clock, STOP_MS, this.stop(this.ended));
    this.platform.exit(1);
  }

  /** Stops all for good: whoever restarts what was stopped, as a service does, is refused. */
  async stop(reason: string): Promise<void> {
    this.ended ??= reason;
    await stopOwned(this, reason);
    this.#outlet.flush();
  }

  /** Without processes the root has no sockets: then nothing is left of it, even when it is killed. */
  tidy(): void {
    if (!this.isRoot || this.#starting > 0 || this.#children.size > 0 || this.machines.size > 0) return;
    this.#sockets.close();
  }

  /** Why a process that this one started is lost, and who took its place. */
  get children(): Pick<Children, 'lossOf' | 'successorOf'> {
    return this.#children;
  }

  #lost(peer: Peer, reason: string, cause?: Error): void {
    this.machines.launches.ownerLost(peer.id);
    if (this.#children.linkEnded(peer)) return;
    const problem = `cannot be reached: process ${peer.id} is gone, or ${reason}`;
    const unreachable: Loss = { kind: 'unreachable', problem, cause };
    if (peer.id !== this.#parent) return void learnLoss(this.process, peer, unreachable);
    this.process.lost(peer, unreachable);
    // The end of the channel follows when the parent has died; without it, too, there is nothing left to do here.
    this.platform.clock.after(PARENT_MS, () => this.platform.exit(1));
  }
}
