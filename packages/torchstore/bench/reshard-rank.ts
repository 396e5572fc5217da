// A process of the bench of resharding.
import { Actor, endpoint } from '@forge/monarch';
import { type Tensor, tensor } from '@forge/tensor';
import { attachStore, type Layout, layoutRegion, type Store, type StoreReference, shard } from '../dist/index.js';

/** One of four ranks that want a quarter of a tensor each, always in the same memory. */
export class ReshardRank extends Actor {
  static readonly module: string = import.meta.url;
  readonly #store: Store;
  readonly #shape: readonly number[];
  #target: { readonly layout: Layout; readonly into: Tensor } | undefined;

  constructor(reference: StoreReference, shape: readonly number[]) {
    super();
    this.#store = attachStore(reference);
    this.#shape = shape;
  }

  readonly read = endpoint(async (key: string): Promise<void> => {
    const layout = { mesh: [2, 2], placements: [shard(0), shard(1)], rank: this.context.point.rank };
    this.#target ??= { layout, into: tensor('float32', layoutRegion(this.#shape, layout).size) };
    await this.#store.get(key, this.#target);
  });

  override async cleanup(): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }
}
