import { Actor, endpoint } from '@forge/monarch';
import { type Tensor, tensor } from '@forge/tensor';
import {
  attachStore,
  type Layout,
  type Lease,
  layoutRegion,
  type Participant,
  type Publisher,
  releaseViews,
  type Store,
  type StoreReference,
  type Transaction,
} from '@forge/torchstore';

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

  readonly #held: (Lease | Transaction)[] = [];

  /** Takes a lease and keeps it while the process lives. */
  readonly lease = endpoint(async (name: string): Promise<number> => {
    const lease = await this.#store.lease(name);
    this.#held.push(lease);
    return lease.generation;
  });

  /** Begins a transaction and stages a tensor of equal elements; commits it if asked to. */
  readonly stage = endpoint(
    async (
      prefix: string,
      what: {
        readonly participant: Participant;
        readonly version: number;
        readonly value: number;
        readonly commits: boolean;
      },
    ): Promise<void> => {
      const { participant, version, value, commits } = what;
      const transaction = await this.#store.begin(prefix, { participant, version });
      this.#held.push(transaction);
      const local = tensor('int32', [1 << 18]);
      local.data.fill(value);
      await transaction.put(`rank${participant.rank}`, local);
      if (commits) await transaction.commit();
    },
  );

  /** Publishes versions of tensors of equal elements until the process ends. */
  readonly publishForEver = endpoint(async (prefix: string, shape: readonly number[]) => {
    await using publisher = this.#store.publisher(prefix);
    const [a, b] = [tensor('int32', shape), tensor('int32', shape)];
    for (let version = 1; ; version += 1) {
      a.data.fill(version);
      b.data.fill(version);
      await publisher.publish({ a, b }, version);
    }
  });

  #published: { readonly publisher: Publisher; readonly weights: Tensor<'int32'> } | undefined;

  /** Publishes a tensor of equal elements that lies in memory of the publisher. */
  readonly publishLive = endpoint(async (prefix: string, value: number, count: number): Promise<void> => {
    if (this.#published === undefined) {
      const publisher = this.#store.publisher(prefix);
      const buffer = await publisher.allocate(count * 4);
      this.#published = { publisher, weights: tensor('int32', [count], new Int32Array(buffer, 0, count)) };
    }
    const { publisher, weights } = this.#published;
    weights.data.fill(value);
    await publisher.publish({ w: weights });
  });

  #view: Tensor | undefined;

  /** Takes a view and keeps it in place of the one before; returns its values. */
  readonly view = endpoint(async (key: string): Promise<readonly unknown[]> => {
    const before = this.#view;
    this.#view = await this.#store.get(key, { mapped: true });
    releaseViews(before);
    return this.#viewed();
  });

  /** The values that the view has. */
  readonly viewed = endpoint((): readonly unknown[] => this.#viewed());

  #viewed(): readonly unknown[] {
    return [...new Set<unknown>(this.#view?.data)];
  }

  readonly get = endpoint(async (key: string, layout: Layout): Promise<Tensor> => this.#store.get(key, { layout }));

  override async cleanup(): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }
}
