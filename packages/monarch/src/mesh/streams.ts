import type { CallError } from '../errors.ts';
import type { Caller, Member, Request } from '../process/pending-call.ts';
import { StreamCall } from '../process/stream-call.ts';
import type { Point } from './extent.ts';

/** One member's part of a stream that is to be opened. */
export interface StreamPart {
  readonly member: Member;
  readonly request: Request;
  /** Its place in the slice, given with each item. */
  readonly point: Point<string>;
}

/** An item, and who sent it. */
export interface StreamItem {
  readonly point: Point<string>;
  readonly value: unknown;
}

interface Waiting {
  readonly resolve: (result: IteratorResult<StreamItem, undefined>) => void;
  readonly reject: (error: CallError) => void;
}

/**
 * The same stream opened on several members, items in order of arrival. The first error, or leaving the loop,
 * cancels what is still open.
 */
export class MergedStreams implements AsyncIterator<StreamItem, undefined> {
  readonly #calls: readonly StreamCall[];
  readonly #arrived: { readonly item: StreamItem; readonly call: StreamCall }[] = [];
  readonly #waiting: Waiting[] = [];
  #open: number;
  #failure: CallError | undefined;

  constructor(caller: Caller, parts: readonly StreamPart[]) {
    this.#open = parts.length;
    this.#calls = parts.map(({ member, request, point }) => {
      const onItem = (value: unknown) => {
        this.#arrived.push({ item: { point, value }, call });
        this.#match();
      };
      const onEnd = (error: CallError | undefined) => {
        this.#open--;
        this.#failure ??= error;
        this.#match();
      };
      const call = new StreamCall(caller, member, { ...request, events: { onItem, onEnd } });
      return call;
    });
  }

  async next(): Promise<IteratorResult<StreamItem, undefined>> {
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#match();
    });
  }

  async return(): Promise<IteratorResult<StreamItem, undefined>> {
    this.#close('its consumer left the loop.');
    this.#arrived.length = 0;
    this.#failure = undefined;
    this.#match();
    return { done: true, value: undefined };
  }

  #close(reason: unknown): void {
    for (const call of this.#calls) call.abort(reason);
    this.#open = 0;
  }

  /** Gives what has arrived to those who wait; an error comes after the items that arrived before it. */
  #match(): void {
    while (this.#waiting.length > 0) {
      const next = this.#arrived.shift();
      if (next === undefined && this.#failure === undefined && this.#open > 0) return;
      // The loop's condition.
      const { resolve, reject } = this.#waiting.shift()!;
      if (next !== undefined) {
        next.call.consumed();
        resolve({ done: false, value: next.item });
      } else if (this.#failure !== undefined) {
        const failure = this.#failure;
        this.#close(failure);
        this.#failure = undefined;
        reject(failure);
      } else {
        resolve({ done: true, value: undefined });
      }
    }
  }
}
