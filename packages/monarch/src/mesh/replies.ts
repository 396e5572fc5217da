import type { CallError } from '../errors.ts';
import type { Ended, OnEnded, UnaryCall } from '../process/unary-call.ts';
import type { NamedExtent, Point } from './extent.ts';
import type { Outcome, Replies } from './handle.ts';
import { type ValueMesh, Values } from './value-mesh.ts';

interface Answer<R, D extends string> {
  readonly point: Point<D>;
  readonly outcome: Outcome<R>;
}

/** The answers of calls that were sent, one a point. */
export class SentReplies<R, D extends string> implements Replies<R, D> {
  readonly #extent: NamedExtent<D>;
  readonly #calls: readonly UnaryCall[];
  readonly #outcomes: Outcome<R>[];
  /** Ranks in the order in which they answered. */
  readonly #arrived: number[] = [];
  /** Told of the next answer. */
  #waiting: (() => void)[] = [];
  #all: PromiseWithResolvers<void> | undefined;

  /** `send` sends one call to each rank of the extent. */
  constructor(extent: NamedExtent<D>, send: (onEnded: OnEnded) => readonly UnaryCall[]) {
    this.#extent = extent;
    this.#outcomes = new Array(extent.size);
    this.#calls = send(this.#settle);
  }

  readonly #settle = (ended: Ended, rank: number): void => {
    // What the endpoint returned has the type that the handle's type says.
    this.#outcomes[rank] = ended as Outcome<R>;
    this.#arrived.push(rank);
    if (this.#arrived.length === this.#outcomes.length) this.#all?.resolve();
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  };

  // biome-ignore lint/suspicious/noThenProperty: awaiting replies collects them; that is their interface
  then<A = ValueMesh<R, D>, B = never>(
    onValues?: ((values: ValueMesh<R, D>) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): PromiseLike<A | B> {
    return this.#collected().then(onValues, onError);
  }

  async settled(): Promise<ValueMesh<Outcome<R>, D>> {
    await this.#complete();
    return new Values(this.#extent, this.#outcomes);
  }

  async failFast(): Promise<ValueMesh<R, D>> {
    for await (const { outcome } of this) {
      if (outcome.ok) continue;
      for (const call of this.#calls) call.abort(outcome.error);
      throw outcome.error;
    }
    return await this.#collected();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Answer<R, D>> {
    for (let yielded = 0; yielded < this.#outcomes.length; yielded++) {
      if (this.#arrived.length === yielded) {
        await new Promise<void>((resolve) => {
          this.#waiting.push(resolve);
        });
      }
      // As many have arrived.
      const rank = this.#arrived[yielded]!;
      yield { point: this.#extent.point(rank), outcome: this.#outcomes[rank]! };
    }
  }

  /** Resolves when every rank has answered. */
  async #complete(): Promise<void> {
    if (this.#arrived.length === this.#outcomes.length) return;
    this.#all ??= Promise.withResolvers();
    await this.#all.promise;
  }

  async #collected(): Promise<ValueMesh<R, D>> {
    await this.#complete();
    const values: R[] = [];
    let first: CallError | undefined;
    for (const outcome of this.#outcomes) {
      if (outcome.ok) values.push(outcome.value);
      else first ??= outcome.error;
    }
    if (first !== undefined) throw first;
    return new Values(this.#extent, values);
  }
}
