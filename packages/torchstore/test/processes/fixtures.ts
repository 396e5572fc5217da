import { Actor, endpoint } from '@forge/monarch';
import { type Tensor, tensor } from '@forge/tensor';
import { attachStore, type Layout, layoutRegion, type Store, type StoreReference } from '@forge/torchstore';

/** A process that uses a store which another one opened. */
export class Worker extends Actor {
  static readonly module: string = import.meta.url;
  readonly #store: Store;

  constructor(reference: StoreReference) {
    super();
    this.#store = attachStore(reference);
  }

  readonly pid = endpoint(() => process.pid);

  /** Puts this rank's piece of a tensor of equal elements. */
  readonly putFilled = endpoint(async (key: string, shape: readonly number[], layout: Layout, value: number) => {
    const { size } = layoutRegion(shape, layout);
    const local = tensor('int32', size);
    local.data.fill(value);
    await this.#store.put(key, { local, globalShape: shape, layout });
  });

  /** Puts tensors of equal elements until the process ends. */
  readonly putForEver = endpoint(async (key: string, shape: readonly number[]) => {
    const local = tensor('int32', shape);
    for (let value = 1; ; value += 1) {
      local.data.fill(value);
      await this.#store.put(key, local);
    }
  });

  readonly get = endpoint(async (key: string, layout: Layout): Promise<Tensor> => this.#store.get(key, { layout }));

  override async cleanup(): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }
}
