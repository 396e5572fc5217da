import { ReplicaStartError, ServiceOptionsError, ServiceStoppedError, type StartFailure } from '../errors.ts';
import type { ServiceEvent } from '../events.ts';
import type { ReplicaSource } from './incarnation.ts';
import { type ReplicaState, TRAITS } from './life.ts';
import { Replica } from './replica.ts';
import type { ReplicaHooks } from './replica-hooks.ts';

/** Makes what a replica is started from. */
export type Prepare = (index: number) => ReplicaSource;

/** What a fleet is made of. */
export interface FleetOptions extends Omit<ReplicaHooks, 'mayEject'> {
  readonly prepare: Prepare;
  emit(event: ServiceEvent): void;
}

/** It takes requests, or is to. */
const isMember = (state: ReplicaState) => state !== 'draining' && state !== 'stopped';

/** The replicas of a service, which come and go. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #hooks: ReplicaHooks;
  readonly #replicas: Replica[] = [];
  #prepare: Prepare;
  /** Places whose replica has ended and will be followed by another. */
  #vacant = 0;
  /** Started beside those that they will replace. */
  readonly #successors = new Set<Replica>();
  #isStopped = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#prepare = options.prepare;
    const mayEject = (one: Replica) => this.#replicas.some((other) => other !== one && other.state === 'healthy');
    this.#hooks = { ...options, mayEject };
  }

  /** In order of index, those that drain included. The same array all the time. */
  get replicas(): readonly Replica[] {
    return this.#replicas;
  }

  /** Those that take requests, or are to; without those that are to take the place of another. */
  get members(): readonly Replica[] {
    return this.#replicas.filter((replica) => isMember(replica.state) && !this.#successors.has(replica));
  }

  /** How many there are, apart from what is under way. */
  get size(): number {
    return this.members.length + this.#vacant;
  }

  /** A replica may become healthy, now or later. */
  get hasHope(): boolean {
    return this.#vacant > 0 || this.#replicas.some(({ state }) => TRAITS[state].hasHope);
  }

  /**
   * Starts so many replicas at once, and waits until `minHealthy` of them are healthy.
   *
   * @throws {ReplicaStartError} when too many of them failed to start; none is left then.
   */
  async start(count: number, minHealthy: number): Promise<void> {
    const failures: StartFailure[] = [];
    const enough = Promise.withResolvers<void>();
    let healthy = 0;
    try {
      const starts = Array.from({ length: count }, (_, index) => this.#add(index, this.#prepare));
      for (const replica of starts) {
        replica.start().then(
          () => ++healthy >= minHealthy && enough.resolve(),
          (cause: unknown) => {
            failures.push({ replica: replica.index, cause });
            if (failures.length <= count - minHealthy) return;
            enough.reject(new ReplicaStartError(this.#options.name, failures, count));
          },
        );
      }
      await enough.promise;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /**
   * Starts or drains replicas until there are so many; resolves when those are healthy or ended.
   *
   * @throws {ReplicaStartError} when one did not start at the first try. It goes on as a lost one does.
   */
  async scale(count: number, graceMs: number): Promise<void> {
    const change = count - this.size;
    const surplus = this.members
      .toSorted((a, b) => Number(a.state === 'healthy') - Number(b.state === 'healthy') || b.index - a.index)
      .slice(0, Math.max(0, -change));
    const added = Array.from({ length: Math.max(0, change) }, () => this.#add(this.#freeIndex(), this.#prepare));
    const failures: StartFailure[] = [];
    const starts = added.map(async (replica) => {
      await replica.start().catch((cause: unknown) => {
        // Unless another change took it away.
        if (replica.state !== 'stopped') failures.push({ replica: replica.index, cause });
      });
    });
    await Promise.all([...starts, ...surplus.map(async (replica) => await this.#retire(replica, graceMs))]);
    if (failures.length > 0) throw new ReplicaStartError(this.#options.name, failures, added.length);
  }

  /** Lets a replica finish and ends it. @throws {ServiceOptionsError} when there is none, or no other. */
  async drain(index: number, graceMs: number): Promise<void> {
    const { members } = this;
    const replica = members.find((member) => member.index === index);
    if (!replica) throw new ServiceOptionsError('replica', index, 'There is no such replica.');
    if (this.size === 1) {
      throw new ServiceOptionsError('replica', index, 'It is the last one: scale up first, or shut the service down.');
    }
    await this.#retire(replica, graceMs);
  }

  /** From now on replicas are made so; those that there are stay what they are. What they were made by before. */
  prepareWith(prepare: Prepare): Prepare {
    const before = this.#prepare;
    this.#prepare = prepare;
    return before;
  }

  /** Starts another in the place of a replica, which goes on until that one is healthy, and stays if it never is. */
  async surge(old: Replica, next: Prepare, graceMs: number): Promise<void> {
    const fresh = this.#add(old.index, next);
    this.#successors.add(fresh);
    try {
      await fresh.start();
    } catch (error) {
      await this.#retire(fresh, 0);
      throw error;
    } finally {
      this.#successors.delete(fresh);
    }
    // Another change may have ended the old one meanwhile.
    await this.#retire(isMember(old.state) ? old : fresh, graceMs);
  }

  /** Ends a replica, then starts another in its place; one made `before`, when that one does not start. */
  async swap(old: Replica, next: Prepare, before: Prepare, graceMs: number): Promise<void> {
    const fresh = await this.#succeed(old, next, graceMs);
    try {
      await fresh.start();
    } catch (error) {
      // Another change took it away.
      if (fresh.state === 'stopped' && !this.#isStopped) return;
      const again = await this.#succeed(fresh, before, 0);
      await again.start().catch(() => {});
      throw error;
    }
  }

  /** Ends a replica; what takes its place, not started. */
  async #succeed(replica: Replica, prepare: Prepare, graceMs: number): Promise<Replica> {
    this.#vacant++;
    try {
      await this.#retire(replica, graceMs);
      return this.#add(replica.index, prepare);
    } finally {
      this.#vacant--;
    }
  }

  /** Ends all of them, for good. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#replicas.map(async (replica) => await replica.stop()));
  }

  #add(index: number, prepare: Prepare): Replica {
    const { name, emit } = this.#options;
    if (this.#isStopped) throw new ServiceStoppedError(name, { started: false });
    const replica = new Replica(index, prepare(index), this.#hooks);
    const at = this.#replicas.findIndex((other) => other.index > index);
    this.#replicas.splice(at < 0 ? this.#replicas.length : at, 0, replica);
    emit({ type: 'replicaAdded', replica: index });
    return replica;
  }

  async #retire(replica: Replica, graceMs: number): Promise<void> {
    await replica.drain(graceMs);
    const at = this.#replicas.indexOf(replica);
    if (at < 0) return;
    this.#replicas.splice(at, 1);
    this.#options.emit({ type: 'replicaRemoved', replica: replica.index });
  }

  #freeIndex(): number {
    const taken = new Set(this.#replicas.map(({ index }) => index));
    let index = 0;
    while (taken.has(index)) index++;
    return index;
  }
}
