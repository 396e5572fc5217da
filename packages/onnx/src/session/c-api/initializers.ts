import type { Tensor } from '@forge/tensor';
import { elementTypes } from '../../element-type.ts';
import type { LoadedModel } from '../loaded-model.ts';
import type { Pointer } from './functions.ts';
import type { Library } from './library.ts';
import { Owned } from './owned.ts';

/** Initializers that onnxruntime reads where they are; each is held until onnxruntime gives it back. */
export class Initializers implements Disposable {
  readonly names: ReadonlySet<string>;
  readonly #library: Library;
  readonly #allocator: Pointer;
  #waiting: LoadedModel['beside'];
  /** By address; several may lie at one. */
  readonly #lent = new Map<Pointer, { readonly name: string; readonly tensor: Tensor }[]>();

  /** @param onReturned - called with the name of each that onnxruntime does not read any more. */
  constructor(library: Library, initializers: LoadedModel['beside'], onReturned: (name: string) => void) {
    this.#library = library;
    this.#waiting = initializers;
    this.names = new Set(initializers.map(({ name }) => name));
    this.#allocator = library.loans.begin((address) => {
      const returned = this.#lent.get(address)?.pop();
      if (returned) onReturned(returned.name);
    });
  }

  /** Makes them constants of a graph that a session is to be extended by. */
  addTo(graph: Pointer): void {
    const { editor } = this.#library;
    for (const { name, tensor } of this.#waiting) {
      using value = new Owned(this.#lend(name, tensor), this.#library.api.releaseValue);
      value.handOver((pointer) => {
        this.#library.check('AddInitializerToGraph', editor.addInitializerToGraph(graph, name, pointer, true));
      });
    }
    this.#waiting = []; // from now on only what is lent is held
  }

  /** They have all come back. */
  [Symbol.dispose](): void {
    this.#library.loans.end(this.#allocator);
    this.#lent.clear();
  }

  #lend(name: string, tensor: Tensor): Pointer {
    const { dtype, shape, data } = tensor;
    const library = this.#library;
    const address = library.addressOf(data);
    const sizes = BigInt64Array.from(shape, BigInt);
    const value = library.create('CreateTensorWithDataAndDeleterAsOrtValue', (out) =>
      library.api.createTensorWithDataAndDeleterAsOrtValue(
        this.#allocator,
        address,
        data.byteLength,
        sizes,
        shape.length,
        elementTypes[dtype],
        out,
      ),
    );
    this.#lent.set(address, [...(this.#lent.get(address) ?? []), { name, tensor }]);
    return value;
  }
}
