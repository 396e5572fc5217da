import type { ActorMesh, OwnedMesh, Replies } from '@forge/monarch';
import { RankFailedError } from '../errors.ts';
import { failureOf, hasEnded, valuesOf } from './rank-failure.ts';
import type { TrainerRank } from './trainer-rank.ts';

interface CallOptions {
  /** The call leaves the training as it is: what it throws is thrown here, unless a rank has ended. @default false */
  readonly isApart?: boolean;
}

/** Calls of ranks that train together. Once one has failed, all calls reject with that {@link RankFailedError}. */
export class RankCalls implements AsyncDisposable {
  readonly #ranks: OwnedMesh<TrainerRank, 'rank'>;
  #last: Promise<unknown> = Promise.resolve();
  #failure: RankFailedError | undefined;

  constructor(ranks: OwnedMesh<TrainerRank, 'rank'>) {
    this.#ranks = ranks;
  }

  get numRanks(): number {
    return this.#ranks.length;
  }

  /** Runs tasks of several calls one after the other. */
  inOrder<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => undefined); // told to the caller
    return result;
  }

  /** The answers of all ranks, in their order, when the last of them has answered or failed. */
  async all<Value>(
    call: (ranks: ActorMesh<TrainerRank, 'rank'>) => Replies<Value, 'rank'>,
    { isApart = false }: CallOptions = {},
  ): Promise<readonly Value[]> {
    if (this.#failure !== undefined) throw this.#failure;
    const outcomes = (await call(this.#ranks).settled()).toArray();
    try {
      return valuesOf(outcomes);
    } catch (error) {
      throw error instanceof RankFailedError ? this.#kept(error, isApart) : error;
    }
  }

  /** The answer of the first rank, for what leaves the training as it is. */
  async first<Value>(call: (rank: ActorMesh<TrainerRank, never>) => Promise<Value>): Promise<Value> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return await call(this.#ranks.slice({ rank: 0 }));
    } catch (error) {
      throw this.#kept(failureOf(0, this.numRanks, error), true);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ranks.stop();
  }

  /** What is to be thrown for a failure; kept for later calls when the ranks cannot go on. */
  #kept(failure: RankFailedError, isApart: boolean): unknown {
    if (isApart && !hasEnded(failure)) return failure.cause;
    this.#failure = failure;
    return failure;
  }
}
