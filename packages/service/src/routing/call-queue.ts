import { CallHeap } from './call-heap.ts';
import type { Call } from './plan.ts';

/**
 * What waits for a replica: the highest priority first, and the oldest of one priority. A call is open, so that
 * whichever target is free first takes it (late binding), or pinned to one target, or unrouted, while there is no target
 * at all. None of these holds up another.
 */
export class CallQueue<Target> {
  readonly #open = new CallHeap('priority');
  readonly #pinned = new Map<Target, CallHeap>();
  readonly #unrouted = new CallHeap('arrival');

  get size(): number {
    let pinned = 0;
    for (const heap of this.#pinned.values()) pinned += heap.size;
    return this.#open.size + this.#unrouted.size + pinned;
  }

  /** Calls pinned to `target`. */
  pinnedTo(target: Target): number {
    return this.#pinned.get(target)?.size ?? 0;
  }

  /** Adds a call, for one target if it is given. */
  add(call: Call, target?: Target): void {
    addTo(target === undefined ? this.#open : this.#heapOf(target), call);
  }

  /** Adds a call for which there is no target. */
  addUnrouted(call: Call): void {
    addTo(this.#unrouted, call);
  }

  /** Removes the first call that `target` may serve: of all, or only of those that are pinned to it. */
  take(target: Target, which: 'all' | 'pinned' = 'all'): Call | undefined {
    const pinned = this.#pinned.get(target);
    if (!pinned || pinned.size === 0) return which === 'all' ? this.#open.take() : undefined;
    if (which === 'pinned') return pinned.take();
    const [ours, anybodys] = [pinned.first, this.#open.first];
    return ours && anybodys && isBefore(anybodys, ours) ? this.#open.take() : pinned.take();
  }

  /** Removes what is pinned to `target`, in order. */
  unpin(target: Target): readonly Call[] {
    const calls = this.#pinned.get(target)?.takeAll() ?? [];
    this.#pinned.delete(target);
    return calls;
  }

  /** There are no targets any more: removes what is open, in order. */
  takeOpen(): readonly Call[] {
    return this.#open.takeAll();
  }

  /** The oldest call that is not routed. */
  get firstUnrouted(): Pick<Call, 'arrivedAtMs'> | undefined {
    return this.#unrouted.first;
  }

  /** Removes the oldest call that is not routed. */
  takeUnrouted(): Call | undefined {
    return this.#unrouted.take();
  }

  /** Removes everything. */
  takeAll(): readonly Call[] {
    return [this.#open, this.#unrouted, ...this.#pinned.values()].flatMap((heap) => heap.takeAll());
  }

  #heapOf(target: Target): CallHeap {
    const heap = this.#pinned.get(target) ?? new CallHeap('priority');
    this.#pinned.set(target, heap);
    return heap;
  }
}

function addTo(heap: CallHeap, call: Call): void {
  heap.add(call);
  const { limit } = call.ticket;
  if (limit) limit.place = heap;
}

type Place = Pick<Call, 'ticket' | 'arrivedAtMs'>;

function isBefore(one: Place, other: Place): boolean {
  const difference = one.ticket.plan.priority - other.ticket.plan.priority;
  return difference === 0 ? one.arrivedAtMs < other.arrivedAtMs : difference > 0;
}
