import type { Incarnation } from './incarnation.ts';

/** A call that every replica gets. */
export interface MissedCall {
  readonly endpoint: string;
  readonly args: readonly unknown[];
}

/** Calls that went out to all replicas while this one could not take them. */
export class MissedCalls {
  readonly #calls: { readonly call: MissedCall; answer: Promise<unknown> | undefined }[] = [];

  get isEmpty(): boolean {
    return this.#calls.length === 0;
  }

  add(call: MissedCall): void {
    this.#calls.push({ call, answer: undefined });
  }

  /**
   * Sends them in order, each once, however often this is called; resolves when all are answered, also those that come
   * meanwhile. Rejects with the first that fails, from then on.
   */
  async send(incarnation: Incarnation): Promise<void> {
    for (let [next] = this.#calls; next; [next] = this.#calls) {
      next.answer ??= incarnation.call(next.call.endpoint, next.call.args);
      await next.answer;
      if (this.#calls[0] === next) this.#calls.shift();
    }
  }

  /** Sends all of them now, ahead of whatever is sent from here on; nobody hears how they end. */
  flush(incarnation: Incarnation): void {
    for (const missed of this.#calls) {
      missed.answer ??= incarnation.call(missed.call.endpoint, missed.call.args);
      missed.answer.catch(() => {});
    }
  }
}
