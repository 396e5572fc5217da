import type { Pointer } from './functions.ts';
import type { Library } from './library.ts';

/** Names as C strings, for as long as this object lives. */
export class Names {
  readonly pointers: readonly Pointer[];
  // The memory that `pointers` point into.
  readonly #bytes: Uint8Array;

  constructor(library: Library, named: readonly { readonly name: string }[]) {
    const encoded = named.map(({ name }) => new TextEncoder().encode(`${name}\0`));
    this.#bytes = new Uint8Array(encoded.reduce((sum, { length }) => sum + length, 0));
    const start = library.addressOf(this.#bytes);
    let offset = 0;
    this.pointers = encoded.map((bytes) => {
      const pointer = start + BigInt(offset);
      this.#bytes.set(bytes, offset);
      offset += bytes.length;
      return pointer;
    });
  }
}
