import type { Pointer } from './functions.ts';

/** A native object that is released once, when its scope ends. */
export class Owned implements Disposable {
  readonly pointer: Pointer;
  readonly #release: (pointer: Pointer) => void;
  #released = false;

  constructor(pointer: Pointer, release: (pointer: Pointer) => void) {
    this.pointer = pointer;
    this.#release = release;
  }

  /** Calls what takes the object over when it succeeds; when it throws, the object is still owned here. */
  handOver(call: (pointer: Pointer) => void): void {
    call(this.pointer);
    this.#released = true;
  }

  [Symbol.dispose](): void {
    if (this.#released) return;
    this.#released = true;
    this.#release(this.pointer);
  }
}
