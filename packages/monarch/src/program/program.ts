import { scopeIfAny } from '../actor/context.ts';
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
import { Sessions } from '../wire/sessions.ts';
import type { Platform } from './platform.ts';
import { systemPlatform } from './system-platform.ts';

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
  readonly #sessions: Sessions;
  readonly #thisMachine: Machine;
  #directory: string | undefined;
  #network: Promise<Network> | undefined;
  /** Groups whose processes are being started. */
  #starting = 0;

  constructor(platform: Platform, place?: ProgramPlace) {
    this.platform = platform;
    this.isRoot = place === undefined;
    this.#parent = place?.parent;
    this.#directory = place?.directory;
    this.process = new LocalProcess({
      id: place?.id ?? ROOT_ID,
      platform,
      program: this,
      dial: (id, opening) => {
        const open = this.#network ?? Promise.reject(new OwnershipError('the program has no processes.'));
        open.then(
          () => this.#sessions.dial(id, opening),
          (error: Error) => opening.onClose(error.message, error),
        );
      },
      onLost: (peer, reason, cause) => this.#lost(peer, reason, cause),
    });
    this.singletons = new Singletons(this);
    this.machines = new Machines(this.process, place?.parent);
    this.#thisMachine = localMachine(this.process, () => this.directory);
    this.#sessions = new Sessions({
      id: this.process.id,
      clock: platform.clock,
      nonce: () => platform.nonce(),
      accept: (id) => this.process.exchange.accept(id),
      faults: platform.sessionFaults,
    });
    this.#outlet = this.isRoot ? logPrinter(platform) : logRelay(platform);
    this.#children = new Children(this.process, () => this.tidy());
    platform.onExit(() => {
      this.machines.detachNow();
      this.#children.killAll();
      this.#outlet.flush();
      this.#removeDirectory();
    });
  }

  /** A child was asked to end, and all its actors have. */
  get hasLeft(): boolean {
    return this.process.hasLeft;
  }

  /** Starts the processes of a group. Those of an inline group are this one. */
  async fill(
    group: ProcGroup,
    kind: 'inline' | 'process',
    env: Readonly<Record<string, string>>,
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
      await this.#children.start(group, machines, env);
    } finally {
      this.#starting--;
      this.tidy();
    }
  }

  /** Of the program's sockets on this machine. @throws {OwnershipError} before there are any */
  get directory(): string {
    if (this.#directory === undefined) throw new OwnershipError('the program has no sockets here.');
    return this.#directory;
  }

  /** The sockets of the program; the root makes their directory with its first child. */
  async network(): Promise<Network> {
    this.#network ??= this.#listen();
    return await this.#network;
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
      actors: process.actorReports(),
      peers: process.exchange.peerReports(),
      failures: process.failures.latest,
      failureCount: process.failures.count,
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

  async #listen(): Promise<Network> {
    this.#directory ??= this.platform.makeDirectory();
    const network = await this.platform.openNetwork({
      id: this.process.id,
      directory: this.#directory,
      accept: this.#sessions.accept,
      hosts: this.machines,
    });
    this.#sessions.use(network);
    return network;
  }

  /** Without processes the root has no sockets: then nothing is left of it, even when it is killed. */
  tidy(): void {
    if (!this.isRoot || this.#starting > 0 || this.#children.size > 0 || this.machines.size > 0) return;
    void this.#network?.then((network) => network.close());
    this.#network = undefined;
    this.#removeDirectory();
  }

  #removeDirectory(): void {
    if (!this.isRoot || this.#directory === undefined) return;
    this.platform.removeDirectory(this.#directory);
    this.#directory = undefined;
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

let current: Program | undefined;

/** The program of the running code: that of its scope, or else the one of this process of the system. */
export function program(): Program {
  const scope = scopeIfAny();
  if (scope !== undefined) return scope.program;
  if (current === undefined) {
    current = new Program(systemPlatform);
    const { FORGE_ADMIN: admin, FORGE_ADMIN_TOKEN: token } = process.env;
    if (admin !== undefined && admin !== '') void showAsAsked(current, admin, token);
  }
  return current;
}

/** Shows a program that was started with FORGE_ADMIN, and says where; a program that cannot be shown runs all the same. */
async function showAsAsked(shown: Program, admin: string, token: string | undefined): Promise<void> {
  try {
    const { adminAddress, serveAdmin } = await import('../seeing/serve-admin.ts');
    const { url } = await serveAdmin({ ...adminAddress(admin), ...(token === undefined ? {} : { token }) });
    shown.platform.write('stderr', `forge: admin at ${url}\n`);
  } catch (error) {
    shown.platform.write('stderr', `forge: FORGE_ADMIN=${admin}: ${reasonText(error)}\n`);
  }
}

/** Makes this process of the system part of a program. */
export async function enterProgram(place: ProgramPlace): Promise<Program> {
  current = new Program(systemPlatform, place);
  return await joinProgram(current, place);
}

/** Makes a process part of its program: it listens, and is connected to its parent. To another machine the parent connects. */
export async function joinProgram(entered: Program, place: ProgramPlace): Promise<Program> {
  await entered.network();
  if (machineOf(place.parent) === machineOf(place.id)) await entered.process.exchange.connect(place.parent);
  return entered;
}

/** On whose behalf the running code starts things. @throws {OwnershipError} in a child process, outside of its actors. */
export function currentOwner(what: string): Owner {
  const owner = scopeIfAny()?.owner ?? program();
  if (!(owner instanceof Program) || owner.isRoot) return owner;
  throw new OwnershipError(
    `${what} was called in a child process, outside of any actor. ` +
      'Is the program itself imported for its actor class? Start things under `if (import.meta.main)`, or move the class.',
  );
}
