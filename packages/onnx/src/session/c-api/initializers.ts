import type { Tensor } from '@forge/tensor';
import type { LoadedModel } from '../loaded-model.ts';
import type { Pointer } from './functions.ts';
import type { Library } from './library.ts';
import { Names } from './names.ts';
import { Owned } from './owned.ts';
import { OwnedStack } from './owned-stack.ts';
import { valueOver } from './values.ts';

/** Initializers of a session as native values over the memory of their tensors. Read in place, they must outlive the session. */
export class Initializers implements Disposable {
  readonly #library: Library;
  readonly #names: Names;
  readonly #values = new OwnedStack();
  readonly #pointers: readonly Pointer[];
  // The values are over their memory.
  #tensors: readonly Tensor[];

  constructor(library: Library, initializers: LoadedModel['beside']) {
    const { api } = library;
    this.#library = library;
    this.#names = new Names(library, initializers);
    this.#tensors = initializers.map(({ tensor }) => tensor);
    try {
      this.#pointers = this.#tensors.map(
        (tensor) => this.#values.use(new Owned(valueOver(library, tensor), api.releaseValue)).pointer,
      );
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Tells a session that is to be created of them, off the event loop: they are copied.
   *
   * @param inPlace - whether it may read them for as long as it lives.
   */
  async addTo(options: Owned, inPlace: boolean): Promise<void> {
    if (this.#tensors.length === 0) return;
    const { api, offThread } = this.#library;
    const names = BigUint64Array.from(this.#names.pointers);
    const values = BigUint64Array.from(this.#pointers);
    // For graph optimizers, which read what they fold. onnxruntime keeps a copy of the others until it has packed them.
    const what = 'AddExternalInitializers';
    const status = await offThread.run<Pointer | null>(what, [this, options, names, values], (done) => {
      const [first, second] = [this.#library.addressOf(names), this.#library.addressOf(values)];
      api.addExternalInitializers.async(options.pointer, first, second, values.length, done);
    });
    this.#library.check(what, status);
    if (!inPlace) return;
    // For kernels, which are given a copy otherwise.
    for (const [i, name] of names.entries()) {
      this.#library.check('AddInitializer', api.addInitializer(options.pointer, name, this.#pointers[i]!));
    }
  }

  [Symbol.dispose](): void {
    this.#values[Symbol.dispose]();
    this.#tensors = [];
  }
}
