import { Bounded } from '../collections/bounded.ts';
import { exitText, MeshFailure, OwnershipError, type ProcessExit } from '../errors.ts';
import type { Machine } from '../hosts/machine.ts';
import type { ProcGroup } from '../mesh/proc-group.ts';
import type { LocalProcess } from '../process/local-process.ts';
import type { Loss, Peer } from '../process/peer.ts';
import type { Launched } from '../program/platform.ts';
import { CHANNELS } from '../seeing/channels.ts';
import { ChildReports } from '../seeing/child-reports.ts';
import type { ProcessLog } from '../seeing/process-log.ts';
import type { ChildReport } from '../seeing/process-report.ts';
import { Restarts } from '../supervision/restart.ts';
import { within } from '../time/deadline.ts';

/** Time for the actors of a process to stop; after it the process is killed. */
const LEAVE_MS = 9_000;
/** Time for a process to end when nothing holds it, and for its link to end after it. */
const EXIT_MS = 2_000;

const starts = CHANNELS['monarch:process:start'];
const exits = CHANNELS['monarch:process:exit'];

/** Processes that ended which are remembered, for others that ask what became of them. */
const REMEMBERED = 256;

/** One place of a group, whatever process has it. */
interface Place {
  readonly group: ProcGroup;
  readonly rank: number;
  readonly machine: Machine;
  readonly env: Readonly<Record<string, string>>;
  readonly restarts: Restarts | undefined;
  /** No process will start there any more. */
  readonly releaseLog: () => void;
  /** The process that has it last. */
  child: Child | undefined;
}

/** What becomes of a process. */
interface Fate {
  /** Why it is lost, once it is. */
  readonly loss: PromiseWithResolvers<Loss>;
  /** What became of its place, if it was restarting: its successor, or why there is none. */
  readonly succession: PromiseWithResolvers<string | Loss>;
}

interface Child extends Fate {
  readonly id: string;
  readonly process: Launched;
  readonly place: Place;
  /** Those of its place. */
  readonly group: ProcGroup;
  readonly rank: number;
  readonly log: ProcessLog;
  /** The link to it has ended. */
  readonly linkEnded: Promise<void>;
  readonly endLink: () => void;
  /** Its end is seen to, and may be followed by a restart. */
  isWatched: boolean;
  /** Set when its end is wanted, with the reason. */
  stopping: string | undefined;
}

/** The processes that this one started, from fork to end. */
export class Children {
  readonly #local: LocalProcess;
  readonly #children = new Map<string, Child>();
  /** Those whose link has not ended; it may outlast the process by a moment. */
  readonly #linked = new Map<string, Child>();
  readonly #reports: ChildReports;
  /** Ended lately. */
  readonly #ended = new Bounded<string, Fate>(REMEMBERED);
  readonly #onNone: () => void;
  /** Places whose process is lost, and which get another. */
  #restarting = 0;

  /** `onNone` is told when the last of them has ended. */
  constructor(local: LocalProcess, onNone: () => void) {
    this.#local = local;
    this.#reports = new ChildReports(local);
    this.#onNone = onNone;
  }

  /** How many run, or are about to. */
  get size(): number {
    return this.#children.size + this.#restarting;
  }

  /**
   * Starts the processes of a group, all at once, as many on each machine. @throws {MeshFailure} when one ends before
   * it is ready, or a machine is lost.
   */
  async start(group: ProcGroup, machines: readonly Machine[], env: Readonly<Record<string, string>>): Promise<void> {
    const { platform } = this.#local;
    for (const machine of machines) machine.checkEnv(env);
    const perMachine = group.extent.size / machines.length;
    const reserving = Promise.all(machines.map(async (machine) => await machine.reserve(perMachine)));
    const reserved = await reserving.catch(async (error) => {
      await group.stop('it could not be started.');
      throw error;
    });
    const ids = reserved.flat();
    if (group.isStopped) throw new OwnershipError(`${group.name} was stopped before it was started.`);
    const children = ids.map((id, rank) => {
      const machine = machines[Math.floor(rank / perMachine)]!;
      const restarts = group.restart === undefined ? undefined : new Restarts(platform, group.restart);
      const releaseLog = restarts === undefined ? () => {} : group.log.hold();
      const place: Place = { group, rank, machine, env, restarts, releaseLog, child: undefined };
      const child = this.#start(place, id);
      group.procs.push({
        node: id,
        giveUp: () => restarts?.cancel(),
        stop: async (reason, isStuck) => await this.#stop(place.child ?? child, reason, isStuck),
        flushLogs: async () => await this.#flushLogs(place.child ?? child),
        checkModule: (module) => machine.checkModule(module),
      });
      return child;
    });
    try {
      await Promise.all(children.map(async (child) => await this.#ready(child)));
    } catch (error) {
      for (const { place } of children) place.releaseLog();
      await group.stop('it could not be started.');
      throw error;
    }
    for (const child of children) void this.#watch(child);
  }

  /** The link to `peer` ended; `true` when it is a child, whose end is told by its exit. */
  linkEnded(peer: Peer): boolean {
    const child = this.#linked.get(peer.id);
    if (child === undefined) return false;
    this.#linked.delete(peer.id);
    child.endLink();
    // A process without its link is of no use.
    void within(this.#local.clock, EXIT_MS, child.process.exited).then((ended) => ended || child.process.kill());
    return true;
  }

  /** What became of a process of this one: why it is lost; `undefined` when that is not known. */
  async lossOf(id: string): Promise<Loss | undefined> {
    return await (this.#children.get(id) ?? this.#linked.get(id) ?? this.#ended.get(id))?.loss.promise;
  }

  /** Who took the place of a process that was restarting, or why nobody did. */
  async successorOf(id: string): Promise<string | Loss | undefined> {
    return await this.#ended.get(id)?.succession.promise;
  }

  /** Kills all, when this process itself ends. */
  killAll(): void {
    for (const child of this.#children.values()) child.process.kill();
  }

  /** Waits until everything that they have printed so far has been read here. */
  async flushLogs(): Promise<void> {
    await Promise.all([...this.#children.values()].map(async (child) => await this.#flushLogs(child)));
  }

  /** Tells all what stands in for classes from now on. */
  async announceStandIns(): Promise<void> {
    const telling = [...this.#children.values()].map(async (child) => {
      const isReady = (await Promise.race([child.process.ready, child.process.exited])) === undefined;
      if (isReady) await this.#tellStandIns(child);
    });
    await Promise.all(telling);
  }

  /** How they are. One that does not answer in time is told as it was. */
  async look(deadlineMs: number): Promise<ChildReport[]> {
    return await this.#reports.look(this.#children.values(), deadlineMs);
  }

  #start(place: Place, id: string): Child {
    const { group, rank, machine, env } = place;
    const { promise: linkEnded, resolve: endLink } = Promise.withResolvers<void>();
    const log = group.log.open({ process: id, rank, name: () => group.label || group.name });
    const onLine = (stream: 'stdout' | 'stderr', line: string) => log.read(stream, line);
    const name = `${group.name}/${rank}`;
    const process = machine.launch({ id, name, env, onLine });
    const [loss, succession] = [Promise.withResolvers<Loss>(), Promise.withResolvers<string | Loss>()];
    const child: Child = {
      id,
      process,
      place,
      group,
      rank,
      log,
      linkEnded,
      endLink,
      loss,
      succession,
      isWatched: false,
      stopping: undefined,
    };
    place.child = child;
    this.#children.set(id, child);
    this.#linked.set(id, child);
    if (starts.hasSubscribers) starts.publish({ process: id, name, pid: process.pid });
    void process.exited.then((exit) => {
      log.end();
      if (exits.hasSubscribers) exits.publish({ process: id, name, pid: process.pid, exit });
      this.#children.delete(id);
      if (!child.isWatched) this.#tidy();
    });
    return child;
  }

  async #ready(child: Child): Promise<void> {
    const { process, group, rank, place } = child;
    const { machine } = place;
    const exit = await Promise.race([process.ready, process.exited]);
    if (exit === undefined) {
      this.#reports.ready(child);
      if (this.#local.standIns.list.length > 0) await this.#tellStandIns(child);
      return;
    }
    const points = [group.extent.point(rank)];
    throw new MeshFailure({ mesh: group.name, points, ...(machine.loss ?? lossOf(exit, 'did not start')) });
  }

  /** What it spawns in place of other classes. */
  async #tellStandIns({ id, process, group, rank }: Child): Promise<void> {
    const about = { mesh: group.name, point: group.extent.point(rank) };
    const payload = this.#local.encode([this.#local.standIns.list]);
    const told = this.#local.ask(id, about, 'standIns', payload).result;
    // Of a process that is lost its owner hears anyway.
    await Promise.race([told.catch(() => {}), process.exited]);
  }

  async #watch(child: Child): Promise<void> {
    const { process, place } = child;
    const { group, rank, machine, restarts } = place;
    child.isWatched = restarts !== undefined;
    const exit = await process.exited;
    const isFinal = child.stopping !== undefined || group.isStopped || machine.loss !== undefined;
    const delayMs = isFinal ? undefined : restarts?.next();
    if (delayMs === undefined) place.releaseLog();
    if (delayMs !== undefined) this.#restarting++;
    else if (child.isWatched) this.#tidy();
    // Answers that were sent before the end still count.
    await within(this.#local.clock, EXIT_MS, child.linkEnded);
    const loss: Loss =
      child.stopping === undefined
        ? { ...(machine.loss ?? lossOf(exit, 'lost its process')), restarting: delayMs !== undefined }
        : { kind: 'aborted', problem: `was stopped: ${child.stopping}` };
    const failures = child.stopping === undefined ? group.lose(rank, loss) : [];
    this.#reports.ended(child, child.stopping === undefined ? exit : undefined);
    for (const [failure] of failures) this.#local.failures.add(this.#local.platform.date(), failure);
    this.#lost(child, loss);
    for (const [failure, owner] of failures) void group.raise(failure, owner);
    if (delayMs !== undefined) await this.#restart(child, delayMs);
  }

  /** Starts another process on the place of one that is lost, and makes its actors there. */
  async #restart(lost: Child, delayMs: number): Promise<void> {
    const { group, rank, machine, restarts } = lost.place;
    await restarts?.wait(delayMs);
    const [id] = group.isStopped ? [] : await machine.reserve(1).catch(() => []);
    this.#restarting--;
    const proc = group.procs[rank];
    if (group.isStopped || id === undefined || proc === undefined) {
      lost.place.releaseLog();
      this.#settle(lost, machine.loss ?? { kind: 'aborted', problem: 'was stopped: its processes were.' });
      this.#tidy();
      return;
    }
    const next = this.#start(lost.place, id);
    if ((await Promise.race([next.process.ready, next.process.exited])) === undefined) {
      void this.#watch(next);
      this.#reports.ready(next);
      if (this.#local.standIns.list.length > 0) await this.#tellStandIns(next);
      // Whoever spawns there from now on gets numbers above those that are made again.
      const about = { mesh: group.name, point: group.extent.point(rank) };
      const reserved = this.#local.ask(next.id, about, 'reserve', this.#local.encode([group.lastActor(rank)]));
      await reserved.result.catch(() => {});
      group.procs[rank] = { ...proc, node: next.id };
      await group.remake(rank);
    } else {
      next.endLink();
      this.#linked.delete(next.id);
      await this.#watch(next);
    }
    this.#settle(lost, next);
  }

  #lost(child: Child, loss: Loss): void {
    this.#ended.set(child.id, { loss: child.loss, succession: child.succession });
    child.loss.resolve(loss);
    this.#local.lost(this.#peer(child), loss);
  }

  #settle(lost: Child, next: Child | Loss): void {
    const isChild = 'id' in next;
    lost.succession.resolve(isChild ? next.id : next);
    this.#peer(lost).settle(isChild ? this.#peer(next) : next);
  }

  #peer({ id }: Child): Peer {
    return this.#local.exchange.target(id, 0).peer;
  }

  #tidy(): void {
    if (this.size === 0) this.#onNone();
  }

  async #flushLogs({ id, process, group, rank, log }: Child): Promise<void> {
    if ((await Promise.race([process.ready, process.exited])) !== undefined) return;
    const mark = `${id} ${this.#local.count()}`;
    const marked = log.mark(mark);
    const about = { mesh: group.name, point: group.extent.point(rank) };
    this.#local.ask(id, about, 'flushLogs', this.#local.encode([mark])).result.catch(() => {});
    await marked;
  }

  async #stop(child: Child, reason: string, isStuck: boolean): Promise<void> {
    const { id, process, group, rank } = child;
    if (!this.#children.has(id)) return;
    child.stopping = reason;
    const about = { mesh: group.name, point: group.extent.point(rank) };
    const left = this.#local.ask(id, about, 'leave', this.#local.encode([reason])).result.catch(() => {});
    const isReady = await Promise.race([process.ready.then(() => true), process.exited.then(() => false)]);
    if (isReady && (await within(this.#local.clock, isStuck ? EXIT_MS : LEAVE_MS, left))) process.release();
    else process.kill();
    if (!(await within(this.#local.clock, EXIT_MS, process.exited))) process.kill();
    await process.exited;
  }
}

function lossOf(process: ProcessExit, what: string): Loss {
  const kind = process.signal === null ? 'exit' : 'signal';
  return { kind, problem: `${what}: ${exitText(process)}.`, process };
}
