import { Bounded } from '../collections/bounded.ts';
import { exitText, MeshFailure, OwnershipError, type ProcessExit } from '../errors.ts';
import type { Machine } from '../hosts/machine.ts';
import type { Proc, ProcGroup } from '../mesh/proc-group.ts';
import type { LocalProcess } from '../process/local-process.ts';
import type { Loss, Peer } from '../process/peer.ts';
import { ChildReports } from '../seeing/child-reports.ts';
import type { ChildReport } from '../seeing/process-report.ts';
import { Restarts } from '../supervision/restart.ts';
import { type Fate, type Place, StartedProcess } from './started-process.ts';

/** Processes that ended which are remembered, for others that ask what became of them. */
const REMEMBERED = 256;

/** The processes that this one started, from fork to end. */
export class Children {
  readonly #local: LocalProcess;
  readonly #children = new Map<string, StartedProcess>();
  /** Those whose link has not ended; it may outlast the process by a moment. */
  readonly #linked = new Map<string, StartedProcess>();
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
  async start(
    group: ProcGroup,
    machines: readonly Machine[],
    envs: readonly Readonly<Record<string, string>>[],
  ): Promise<void> {
    const { platform } = this.#local;
    const perMachine = group.extent.size / machines.length;
    const machineAt = (rank: number) => machines[Math.floor(rank / perMachine)]!;
    for (const [rank, env] of envs.entries()) machineAt(rank).checkEnv(env);
    const reserving = Promise.all(machines.map(async (machine) => await machine.reserve(perMachine)));
    const reserved = await reserving.catch(async (error) => {
      await group.stop('it could not be started.');
      throw error;
    });
    const ids = reserved.flat();
    if (group.isStopped) throw new OwnershipError(`${group.name} was stopped before it was started.`);
    const children = ids.map((id, rank) => {
      const machine = machineAt(rank);
      // As many as there are ranks.
      const env = envs[rank]!;
      const restarts = group.restart === undefined ? undefined : new Restarts(platform, group.restart);
      const releaseLog = restarts === undefined ? () => {} : group.log.hold();
      const place: Place = { group, rank, machine, env, restarts, releaseLog, child: undefined };
      const child = this.#start(place, id);
      group.procs.push(procOf(place, child));
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
    child.linkEnded();
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
    await Promise.all([...this.#children.values()].map(async (child) => await child.flushLogs()));
  }

  /** Tells all what stands in for classes from now on. */
  async announceStandIns(): Promise<void> {
    const telling = [...this.#children.values()].map(async (child) => {
      if ((await child.ready()) === undefined) await child.tellStandIns();
    });
    await Promise.all(telling);
  }

  /** How they are. One that does not answer in time is told as it was. */
  async look(deadlineMs: number): Promise<ChildReport[]> {
    return await this.#reports.look(this.#children.values(), deadlineMs);
  }

  #start(place: Place, id: string): StartedProcess {
    const child = new StartedProcess(this.#local, place, id);
    place.child = child;
    this.#children.set(id, child);
    this.#linked.set(id, child);
    void child.exited.then(() => {
      this.#children.delete(id);
      if (!child.isWatched) this.#tidy();
    });
    return child;
  }

  async #ready(child: StartedProcess): Promise<void> {
    const { group, rank, place } = child;
    const exit = await child.ready();
    if (exit === undefined) return await this.#isReady(child);
    const points = [group.extent.point(rank)];
    throw new MeshFailure({ mesh: group.name, points, ...(place.machine.loss ?? lossOf(exit, 'did not start')) });
  }

  async #isReady(child: StartedProcess): Promise<void> {
    this.#reports.ready(child);
    if (this.#local.standIns.list.length > 0) await child.tellStandIns();
  }

  async #watch(child: StartedProcess): Promise<void> {
    const { place } = child;
    const { group, rank, machine, restarts } = place;
    child.isWatched = restarts !== undefined;
    const exit = await child.exited;
    const isFinal = child.stopping !== undefined || group.isStopped || machine.loss !== undefined;
    const delayMs = isFinal ? undefined : restarts?.next();
    if (delayMs === undefined) place.releaseLog();
    if (delayMs !== undefined) this.#restarting++;
    else if (child.isWatched) this.#tidy();
    // Answers that were sent before the end still count.
    await child.drained();
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
  async #restart(lost: StartedProcess, delayMs: number): Promise<void> {
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
    if ((await next.ready()) === undefined) {
      void this.#watch(next);
      await this.#isReady(next);
      // Whoever spawns there from now on gets numbers above those that are made again.
      await next.reserve(group.lastActor(rank));
      group.procs[rank] = { ...proc, node: next.id };
      await group.remake(rank);
    } else {
      next.linkEnded();
      this.#linked.delete(next.id);
      await this.#watch(next);
    }
    this.#settle(lost, next);
  }

  #lost(child: StartedProcess, loss: Loss): void {
    this.#ended.set(child.id, { loss: child.loss, succession: child.succession });
    child.loss.resolve(loss);
    this.#local.lost(this.#peer(child), loss);
  }

  #settle(lost: StartedProcess, next: StartedProcess | Loss): void {
    const isChild = 'id' in next;
    lost.succession.resolve(isChild ? next.id : next);
    this.#peer(lost).settle(isChild ? this.#peer(next) : next);
  }

  #peer({ id }: StartedProcess): Peer {
    return this.#local.exchange.target(id, 0).peer;
  }

  #tidy(): void {
    if (this.size === 0) this.#onNone();
  }
}

function lossOf(process: ProcessExit, what: string): Loss {
  const kind = process.signal === null ? 'exit' : 'signal';
  return { kind, problem: `${what}: ${exitText(process)}.`, process };
}

/** A place as its group holds it, whatever process has it. */
function procOf(place: Place, first: StartedProcess): Proc {
  const { machine, restarts } = place;
  return {
    node: first.id,
    giveUp: () => restarts?.cancel(),
    stop: async (reason, isStuck) => await (place.child ?? first).stop(reason, isStuck),
    flushLogs: async () => await (place.child ?? first).flushLogs(),
    checkModule: (module) => machine.checkModule(module),
  };
}
