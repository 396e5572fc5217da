import { Lane, type Place } from './lane.ts';

/**
 * What waits for a replica, oldest first. A request is either open, so that whichever target is free first takes it
 * (late binding), or pinned to one target; neither kind holds up the other.
 */
export class RequestQueue<Request, Target> {
  readonly #open = new Lane<Request>();
  readonly #pinned = new Map<Target, Lane<Request>>();
  readonly #places = new Map<Request, { readonly lane: Lane<Request>; readonly place: Place<Request> }>();

  get size(): number {
    return this.#places.size;
  }

  /** Requests pinned to `target`. */
  pinnedTo(target: Target): number {
    return this.#pinned.get(target)?.size ?? 0;
  }

  /** Adds a request behind all of smaller `order`, which is unique and lasts as long as the request. */
  add(request: Request, order: number, target?: Target): void {
    const lane = target === undefined ? this.#open : this.#laneOf(target);
    this.#places.set(request, { lane, place: lane.add(request, order) });
  }

  /** Whether `take(target)` would find something. */
  hasFor(target: Target): boolean {
    return this.#open.size > 0 || this.pinnedTo(target) > 0;
  }

  /** Removes the oldest request that `target` may serve, of those pinned to it unless it takes open ones, too. */
  take(target: Target, takesOpen = true): Request | undefined {
    const open = takesOpen ? this.#open.first : undefined;
    const pinned = this.#pinned.get(target)?.first;
    const oldest = open && pinned ? (open.order < pinned.order ? open : pinned) : (open ?? pinned);
    if (oldest) this.remove(oldest.item);
    return oldest?.item;
  }

  /** Removes a request wherever it waits; `false` when it does not. */
  remove(request: Request): boolean {
    const found = this.#places.get(request);
    if (!found) return false;
    found.lane.remove(found.place);
    return this.#places.delete(request);
  }

  /** Removes and returns the open requests that satisfy `wanted`, oldest first. */
  takeOpen(wanted: (request: Request) => boolean): Request[] {
    return this.#takeAll(this.#open, wanted);
  }

  /** Removes and returns everything pinned to `target`, oldest first. */
  unpin(target: Target): Request[] {
    const lane = this.#pinned.get(target);
    return lane ? this.#takeAll(lane, () => true) : [];
  }

  /** Every waiting request, in no particular order. */
  [Symbol.iterator](): IterableIterator<Request> {
    return this.#places.keys();
  }

  #takeAll(lane: Lane<Request>, wanted: (request: Request) => boolean): Request[] {
    const taken: Request[] = [];
    for (let place = lane.first; place; place = place.after) if (wanted(place.item)) taken.push(place.item);
    for (const request of taken) this.remove(request);
    return taken;
  }

  #laneOf(target: Target): Lane<Request> {
    const lane = this.#pinned.get(target) ?? new Lane<Request>();
    this.#pinned.set(target, lane);
    return lane;
  }
}
