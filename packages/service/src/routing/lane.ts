/** A place in a {@link Lane}. */
export interface Place<T> {
  readonly item: T;
  /** Smaller is served earlier. */
  readonly order: number;
  before: Place<T> | undefined;
  after: Place<T> | undefined;
}

/** A first-in-first-out list that any place may leave in constant time. */
export class Lane<T> {
  #first: Place<T> | undefined;
  #last: Place<T> | undefined;
  #size = 0;

  get first(): Place<T> | undefined {
    return this.#first;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds in front of every place with a larger order; in constant time when it belongs at the end. */
  add(item: T, order: number): Place<T> {
    let before = this.#last;
    while (before && before.order > order) before = before.before;
    const after = before ? before.after : this.#first;
    const place: Place<T> = { item, order, before, after };
    if (before) before.after = place;
    else this.#first = place;
    if (after) after.before = place;
    else this.#last = place;
    this.#size++;
    return place;
  }

  /** Takes out a place that is in this lane. */
  remove({ before, after }: Place<T>): void {
    if (before) before.after = after;
    else this.#first = after;
    if (after) after.before = before;
    else this.#last = before;
    this.#size--;
  }
}
