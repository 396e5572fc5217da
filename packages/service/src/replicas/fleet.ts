import { ReplicaStartError, ServiceOptionsError, ServiceStoppedError } from '../errors.ts';
import type { ServiceEvent } from '../events.ts';
import { type ReplicaState, TRAITS } from './life.ts';
import { Replica, type ReplicaHooks, type ReplicaSource } from './replica.ts';

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

  /** Those that take requests, or are to. */
  get members(): readonly Replica[] {
    return this.#replicas.filter(({ state }) => isMember(state));
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
    const failures: { replica: number; cause: unknown }[] = [];
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
    const { members } = this;
    const surplus = members
      .toSorted((a, b) => Number(a.state === 'healthy') - Number(b.state === 'healthy') || b.index - a.index)
      .slice(0, Math.max(0, members.length - count));
    const added = Array.from({ length: Math.max(0, count - members.length) }, () =>
      this.#add(this.#freeIndex(), this.#prepare),
    );
    const failures: { replica: number; cause: unknown }[] = [];
    await Promise.all([
      ...surplus.map(async (replica) => await this.#retire(replica, graceMs)),
      ...added.map(async (replica) => {
        await replica.start().catch((cause: unknown) => failures.push({ replica: replica.index, cause }));
      }),
    ]);
    if (failures.length > 0) throw new ReplicaStartError(this.#options.name, failures, added.length);
  }

  /** Lets a replica finish and ends it. @throws {ServiceOptionsError} when there is none, or no other. */
  async drain(index: number, graceMs: number): Promise<void> {
    const { members } = this;
    const replica = members.find((member) => member.index === index);
    if (!replica) throw new ServiceOptionsError('replica', index, 'There is no such replica.');
    if (members.length === 1) {
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
    try {
      await fresh.start();
    } catch (error) {
      await this.#retire(fresh, 0);
      throw error;
    }
    await this.#retire(old, graceMs);
  }

  /** Ends a replica, then starts another in its place; one made `before`, when that one does not start. */
  async swap(old: Replica, next: Prepare, before: Prepare, graceMs: number): Promise<void> {
    this.#vacant++;
    try {
      await this.#retire(old, graceMs);
      const fresh = this.#add(old.index, next);
      try {
        await fresh.start();
      } catch (error) {
        await this.#retire(fresh, 0);
        if (!this.#isStopped) await this.#add(old.index, before).start();
        throw error;
      }
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
