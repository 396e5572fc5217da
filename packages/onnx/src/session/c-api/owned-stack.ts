/** Things that are disposed together, the last one first. Node 22 has no `DisposableStack`. */
export class OwnedStack implements Disposable {
  #things: Disposable[] = [];

  /** Takes something over, and hands it back. */
  use<Thing extends Disposable>(thing: Thing): Thing {
    this.#things.push(thing);
    return thing;
  }

  /** Hands everything on to another stack, which outlives this one. */
  move(): OwnedStack {
    const other = new OwnedStack();
    other.#things = this.#things;
    this.#things = [];
    return other;
  }

  [Symbol.dispose](): void {
    for (let thing = this.#things.pop(); thing !== undefined; thing = this.#things.pop()) thing[Symbol.dispose]();
  }
}
