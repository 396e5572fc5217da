import type { DType, Tensor } from '@forge/tensor';
import type { QuestionOptions } from './batch.ts';
import { cancellable, type OperationOptions } from './cancellation.ts';
import type { Client } from './client.ts';
import { BatchError } from './errors.ts';
import {
  type BatchRequest,
  type BatchResult,
  byKey,
  checkObject,
  checkTensor,
  type GetOptions,
  wishOf,
} from './get.ts';
import { type GetStateDictOptions, type LoadResult, planLoad } from './load-state-dict.ts';
import { readLocated, type WishesOf } from './located-read.ts';
import type { PlainData } from './object-value.ts';
import type { Wish } from './planner.ts';
import type { LoadedStateDict } from './state-dict.ts';

type PartOptions = Pick<GetOptions, 'layout' | 'region' | 'mapped'> & {
  readonly dtype?: undefined;
  readonly into?: undefined;
};
type CastOptions<D extends DType> = Omit<GetOptions, 'into' | 'mapped'> & {
  readonly dtype: D;
  readonly into?: Tensor<NoInfer<D>>;
};
type IntoOptions<D extends DType> = Omit<GetOptions, 'dtype' | 'mapped'> & {
  readonly into: Tensor<D>;
  readonly dtype?: undefined;
};

/** What a reader sees: what is visible, or what a lease of that name holds. */
type View = Pick<QuestionOptions, 'lease'> & { readonly name?: string };

/** What is asked for, of which generation, and how long that may take. */
type Asked = { readonly of: readonly string[] | string } & QuestionOptions & OperationOptions;

/** Reads a store: what is visible, or what a lease holds. */
export class Reader {
  readonly #client: Client;
  readonly #lease: Pick<QuestionOptions, 'lease'>;
  readonly #leaseName: string | undefined;

  constructor(client: Client, { name, ...lease }: View) {
    this.#client = client;
    this.#lease = lease;
    this.#leaseName = name;
  }

  #read<T extends { readonly wishes: readonly Wish[] }>(
    { of, version, signal, timeoutMs }: Asked,
    wishesOf: WishesOf<T>,
  ): Promise<T> {
    const { lease } = this.#lease;
    const isNewest = lease === undefined && version === undefined;
    const how = { ...(lease !== undefined && { lease }), ...(version !== undefined && { version }) };
    const request = { of, leaseName: this.#leaseName, ...(!isNewest && { how }) };
    return cancellable('A read', { signal, timeoutMs }, (either) =>
      readLocated(this.#client, { ...request, signal: either }, wishesOf),
    );
  }

  /**
   * Reads a tensor, or a part of it; never parts of two generations, and never of an older one than before.
   * @throws {KeyNotFoundError} when there is none.
   * @throws {IncompleteError} when ranks of its first put are missing.
   * @throws {MismatchError} when `into` has another dtype or shape, or the key holds an object.
   */
  async get<D extends DType>(key: string, options: CastOptions<D> & OperationOptions): Promise<Tensor<D>>;
  async get<D extends DType>(key: string, options: IntoOptions<D> & OperationOptions): Promise<Tensor<D>>;
  async get(key: string, options?: PartOptions & OperationOptions): Promise<Tensor>;
  async get(
    key: string,
    { signal, timeoutMs, ...options }: GetOptions & OperationOptions = {},
  ): Promise<Tensor<never>> {
    const { wishes } = await this.#read({ of: [key], signal, timeoutMs }, (found, show) => {
      const located = checkTensor(key, byKey(found).get(key)!); // all keys were found
      return { wishes: [wishOf(located, options, show)] };
    });
    return wishes[0]!.target as Tensor<never>; // one key was asked for; the overloads say of which dtype it is
  }

  /**
   * Reads a value that is no tensor.
   * @throws {KeyNotFoundError} {IncompleteError} as get does, and {@link MismatchError} when the key holds a tensor.
   */
  async getObject(key: string, how: OperationOptions = {}): Promise<PlainData> {
    const { value } = await this.#read({ of: [key], ...how }, (found) => ({
      wishes: [],
      value: checkObject(key, byKey(found).get(key)!), // all keys were found
    }));
    return value;
  }

  /**
   * Reads many keys of one moment, all or none: a list of tensors whole, or a table that says what is wanted of each.
   * @throws {BatchError} when it is empty or names a key twice, and what get throws, for the first key that fails.
   */
  async getBatch<K extends string>(keys: readonly K[], how?: OperationOptions): Promise<Record<K, Tensor>>;
  async getBatch<const R extends BatchRequest>(request: R, how?: OperationOptions): Promise<BatchResult<R>>;
  async getBatch(
    request: readonly string[] | BatchRequest,
    how: OperationOptions = {},
  ): Promise<Record<string, Tensor | PlainData>> {
    const isList = (value: typeof request): value is readonly string[] => Array.isArray(value);
    const wanted = isList(request) ? request.map((key) => [key, {}] as const) : Object.entries(request);
    const keys = wanted.map(([key]) => key);
    if (keys.length === 0 || new Set(keys).size < keys.length) throw new BatchError(keys);
    const { wishes, values } = await this.#read({ of: keys, ...how }, (found, show) => {
      const all = byKey(found);
      const objects = wanted.filter(([, options]) => options === 'object').map(([key]) => key);
      return {
        values: objects.map((key) => [key, checkObject(key, all.get(key)!)] as const), // all keys were found
        wishes: wanted.flatMap(([key, options]) =>
          options === 'object' ? [] : [wishOf(checkTensor(key, all.get(key)!), options, show)],
        ),
      };
    });
    const targets = wishes.map(({ located, target }) => [located.key, target] as const);
    return Object.fromEntries<Tensor | PlainData>([...targets, ...values]);
  }

  /**
   * Reads a state dict as it was put, its tensors whole or as the options say. Keys that were put one by one come back as a
   * flat record of the names below the prefix.
   * @throws {KeyNotFoundError} when there is none, {@link GenerationGoneError} when its version is not kept.
   * @throws {NamesMismatchError} in strict mode, {@link MismatchError} when a given tensor has another dtype or shape.
   */
  async getStateDict(prefix: string, options: GetStateDictOptions = {}): Promise<LoadedStateDict> {
    return (await this.loadStateDict(prefix, options)).stateDict;
  }

  /** Reads a state dict, and says which names were missing or unexpected and which version it is. */
  async loadStateDict(prefix: string, options: GetStateDictOptions = {}): Promise<LoadResult> {
    const { version, signal, timeoutMs } = options;
    const question = { of: prefix, signal, timeoutMs, ...(version !== undefined && { version }) };
    const { result } = await this.#read(question, (found, show) => planLoad(prefix, found, { ...options, show }));
    return result();
  }
}
