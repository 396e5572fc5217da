/** What a replica has to do: requests and sessions. */
export class Occupancy {
  #requests = 0;
  #sessions = 0;
  readonly #waiting = new Set<() => void>();

  /** Requests that it serves. */
  get requests(): number {
    return this.#requests;
  }

  set requests(count: number) {
    this.#requests = count;
    this.#look();
  }

  /** Sessions that stick to it. */
  get sessions(): number {
    return this.#sessions;
  }

  set sessions(count: number) {
    this.#sessions = count;
    this.#look();
  }

  /** Resolves when it has nothing to do, or when the returned `leave` is called. */
  idle(): { readonly over: Promise<void>; readonly leave: () => void } {
    const { promise: over, resolve: leave } = Promise.withResolvers<void>();
    this.#waiting.add(leave);
    this.#look();
    return { over, leave };
  }

  #look(): void {
    if (this.#requests > 0 || this.#sessions > 0) return;
    for (const leave of this.#waiting) leave();
    this.#waiting.clear();
  }
}
