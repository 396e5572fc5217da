import type { CallError } from '../errors.ts';
import type { UnaryCall } from '../process/unary-call.ts';
import type { NamedExtent, Point } from './extent.ts';
import type { Outcome, Replies } from './handle.ts';
import { type ValueMesh, Values } from './value-mesh.ts';

interface Answer<R, D extends string> {
  readonly point: Point<D>;
  readonly outcome: Outcome<R>;
}

/** The answers of calls already sent, one a point. */
export class SentReplies<R, D extends string> implements Replies<R, D> {
  readonly #extent: NamedExtent<D>;
  readonly #calls: readonly UnaryCall[];
  readonly #outcomes: readonly Promise<Outcome<R>>[];

  constructor(extent: NamedExtent<D>, calls: readonly UnaryCall[]) {
    this.#extent = extent;
    this.#calls = calls;
    this.#outcomes = calls.map(({ result }) =>
      result.then(
        // What the endpoint returned has the type that the handle's type says.
        (value) => ({ ok: true, value: value as R }) as const,
        // A PendingCall rejects with a CallError only.
        (error: CallError) => ({ ok: false, error }) as const,
      ),
    );
  }

  // biome-ignore lint/suspicious/noThenProperty: awaiting replies collects them; that is their interface
  then<A = ValueMesh<R, D>, B = never>(
    onValues?: ((values: ValueMesh<R, D>) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): PromiseLike<A | B> {
    return this.#collected().then(onValues, onError);
  }

  async settled(): Promise<ValueMesh<Outcome<R>, D>> {
    return new Values(this.#extent, await Promise.all(this.#outcomes));
  }

  async failFast(): Promise<ValueMesh<R, D>> {
    try {
      // Each result is this call's R, as above.
      const values = (await Promise.all(this.#calls.map(({ result }) => result))) as readonly R[];
      return new Values(this.#extent, values);
    } catch (error) {
      for (const call of this.#calls) call.abort(error);
      throw error;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Answer<R, D>> {
    const points = [...this.#extent.points()];
    const arrived: Answer<R, D>[] = [];
    let wake = () => {};
    this.#outcomes.forEach((pending, rank) => {
      void pending.then((outcome) => {
        arrived.push({ point: points[rank]!, outcome });
        wake();
      });
    });
    for (let yielded = 0; yielded < points.length; yielded++) {
      if (arrived.length === yielded) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      yield arrived[yielded]!;
    }
  }

  async #collected(): Promise<ValueMesh<R, D>> {
    const values: R[] = [];
    let first: CallError | undefined;
    for (const outcome of await Promise.all(this.#outcomes)) {
      if (outcome.ok) values.push(outcome.value);
      else first ??= outcome.error;
    }
    if (first !== undefined) throw first;
    return new Values(this.#extent, values);
  }
}
