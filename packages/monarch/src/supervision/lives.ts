import { MeshFailure } from '../errors.ts';
import { type RestartPolicy, Restarts, type RestartWorld } from './restart.ts';

/** What is done with the actors of a mesh. */
export interface LifeActs {
  /** Constructs the actor of a rank anew, and sets it up. Rejects with what its constructor or setup throws. */
  make(rank: number, generation: number): Promise<void>;
  /** Tells that an actor could not be made anew. */
  notMade(rank: number, generation: number, error: unknown): MeshFailure;
  /** The actor of a rank is lost for good: what waits for it rejects. */
  giveUp(rank: number, failure: MeshFailure): void;
  /** Tells a failure to the owner. */
  tell(failure: MeshFailure): void;
}

interface Life {
  state: 'running' | 'restarting' | 'lost';
  generation: number;
  /** Counts attempts to restart: one that is no longer the last one stops. */
  attempt: number;
  readonly restarts: Restarts | undefined;
  /** Why it is lost. */
  failure: MeshFailure | undefined;
  /** The failure of a new actor that came before the news that it is set up. */
  early: MeshFailure | undefined;
}

/**
 * The actors of one mesh that have failed, as their owner sees them: each failure is told once, with what is done about
 * it.
 *
 * ```
 *  running ──fails──▶ restarting ──made──▶ running, one generation on
 *     │                   │ its process is lost, or it fails again, and the policy allows no more
 *     └──no policy──▶  lost ◀──┘
 * ```
 */
export class Lives {
  readonly #world: RestartWorld;
  readonly #policy: RestartPolicy | undefined;
  readonly #acts: LifeActs;
  readonly #lives = new Map<number, Life>();
  readonly #making = new Set<Promise<void>>();
  #isStopped = false;

  constructor(world: RestartWorld, policy: RestartPolicy | undefined, acts: LifeActs) {
    this.#world = world;
    this.#policy = policy;
    this.#acts = acts;
  }

  /** The actor of a rank has failed; its process lives. */
  failed(rank: number, failure: MeshFailure): void {
    const life = this.#life(rank);
    if (life.state === 'restarting' && (failure.generation ?? 0) > life.generation) life.early ??= failure;
    if (life.state !== 'running' || this.#isStopped) return;
    const delayMs = life.restarts?.next();
    if (delayMs === undefined) {
      this.#lose(rank, life, failure);
      return;
    }
    life.state = 'restarting';
    this.#acts.tell(withRestarting(failure, true));
    void this.#restart(rank, life, delayMs);
  }

  /** The process of a rank is lost; whether that is news to the owner. When it is `restarting`, `remake` follows. */
  lost(rank: number, failure: MeshFailure): boolean {
    const life = this.#life(rank);
    if (life.state === 'lost' || this.#isStopped) return false;
    life.attempt++;
    life.restarts?.cancel();
    const wasTold = life.state === 'restarting' && failure.restarting;
    life.state = failure.restarting ? 'restarting' : 'lost';
    life.failure = failure;
    return !wasTold;
  }

  /** Makes the actor of a rank in the process that took the place of its own. One that was lost before stays lost. */
  async remake(rank: number): Promise<void> {
    const life = this.#life(rank);
    if (this.#isStopped) return;
    if (life.state === 'lost' && life.failure !== undefined) this.#acts.giveUp(rank, life.failure);
    if (life.state === 'restarting') await this.#make(rank, life);
  }

  /** Ends all waits, and waits for what is being made. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const life of this.#lives.values()) life.restarts?.cancel();
    await Promise.allSettled(this.#making);
  }

  /** How often the actor of a rank was restarted. */
  generation(rank: number): number {
    return this.#lives.get(rank)?.generation ?? 0;
  }

  #life(rank: number): Life {
    let life = this.#lives.get(rank);
    if (life === undefined) {
      const restarts = this.#policy === undefined ? undefined : new Restarts(this.#world, this.#policy);
      life = { state: 'running', generation: 0, attempt: 0, restarts, failure: undefined, early: undefined };
      this.#lives.set(rank, life);
    }
    return life;
  }

  #lose(rank: number, life: Life, failure: MeshFailure): void {
    const final = withRestarting(failure, false);
    life.state = 'lost';
    life.failure = final;
    this.#acts.giveUp(rank, final);
    this.#acts.tell(final);
  }

  async #restart(rank: number, life: Life, delayMs: number): Promise<void> {
    const attempt = ++life.attempt;
    await life.restarts?.wait(delayMs);
    if (attempt === life.attempt && !this.#isStopped) await this.#make(rank, life);
  }

  async #make(rank: number, life: Life): Promise<void> {
    const attempt = ++life.attempt;
    const generation = life.generation + 1;
    const making = this.#acts.make(rank, generation);
    this.#making.add(making);
    try {
      await making;
    } catch (error) {
      // When its process is lost, too, that is told by `lost`.
      if (attempt !== life.attempt || error instanceof MeshFailure) return;
      this.#running(rank, life, this.#acts.notMade(rank, generation, error));
      return;
    } finally {
      this.#making.delete(making);
    }
    if (attempt === life.attempt) this.#running(rank, life, life.early);
  }

  #running(rank: number, life: Life, failure: MeshFailure | undefined): void {
    life.generation++;
    life.state = 'running';
    life.early = undefined;
    if (failure !== undefined) this.failed(rank, failure);
  }
}

function withRestarting(failure: MeshFailure, restarting: boolean): MeshFailure {
  return failure.restarting === restarting
    ? failure
    : new MeshFailure({ ...failure, restarting, cause: failure.cause });
}
