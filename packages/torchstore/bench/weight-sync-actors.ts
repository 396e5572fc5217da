// The processes of the bench of the weight sync.
import { Actor, endpoint } from '@forge/monarch';
import { bytesOf, elementCount, type Tensor, tensor } from '@forge/tensor';
import {
  attachStore,
  type LoadedStateDict,
  type Publisher,
  policyVersionPrefix,
  releaseViews,
  type StateDict,
  type Store,
  type StoreReference,
} from '../dist/index.js';

/** The shapes of the parameters of Qwen3-0.6B, by name, for so many of its 28 layers. */
function shapesOf(layers: number): Record<string, readonly number[]> {
  const shapes: Record<string, readonly number[]> = {
    'model.embed_tokens.weight': [151_936, 1024],
    'model.norm.weight': [1024],
  };
  for (let layer = 0; layer < layers; layer += 1) {
    const own = {
      'self_attn.q_proj.weight': [2048, 1024],
      'self_attn.k_proj.weight': [1024, 1024],
      'self_attn.v_proj.weight': [1024, 1024],
      'self_attn.o_proj.weight': [1024, 2048],
      'self_attn.q_norm.weight': [128],
      'self_attn.k_norm.weight': [128],
      'mlp.gate_proj.weight': [3072, 1024],
      'mlp.up_proj.weight': [3072, 1024],
      'mlp.down_proj.weight': [1024, 3072],
      'input_layernorm.weight': [1024],
      'post_attention_layernorm.weight': [1024],
    };
    for (const [name, shape] of Object.entries(own)) shapes[`model.layers.${layer}.${name}`] = shape;
  }
  return shapes;
}

/** Where tensors begin in one array: at multiples of a cache line. */
const alignment = 64;

/** A trainer as the store sees it. */
export class SyncWriter extends Actor {
  static readonly module: string = import.meta.url;
  readonly #store: Store;
  readonly #publisher: Publisher;
  readonly #layers: number;
  readonly #weights: Record<string, Tensor<'float32'>> = {};

  constructor(reference: StoreReference, layers: number) {
    super();
    this.#store = attachStore(reference);
    this.#publisher = this.#store.publisher('policy');
    this.#layers = layers;
  }

  /** Makes the weights, in one array: of the publisher or an ordinary one. */
  readonly allocate = endpoint(async (isPublished: boolean): Promise<void> => {
    const shapes = Object.entries(shapesOf(this.#layers));
    const paddedBytes = (shape: readonly number[]) => Math.ceil((elementCount(shape) * 4) / alignment) * alignment;
    const bytes = shapes.reduce((sum, [, shape]) => sum + paddedBytes(shape), 0);
    const buffer = isPublished ? await this.#publisher.allocate(bytes) : new ArrayBuffer(bytes);
    let at = 0;
    for (const [name, shape] of shapes) {
      this.#weights[name] = tensor('float32', shape, new Float32Array(buffer, at, elementCount(shape)));
      at += paddedBytes(shape);
    }
  });

  readonly pid = endpoint(() => process.pid);

  /** Changes every weight. */
  readonly step = endpoint((version: number): void => {
    for (const { data } of Object.values(this.#weights)) data.fill(version);
  });

  readonly publish = endpoint(async (version: number): Promise<string> => {
    await this.#publisher.publish(this.#weights, version);
    return this.#publisher.prefix;
  });

  /** What a trainer does before its next step, while others work with the version that was published. */
  readonly prepare = endpoint((): Promise<void> => this.#publisher.prepare());

  readonly put = endpoint(async (version: number): Promise<string> => {
    const prefix = policyVersionPrefix(version);
    await this.#store.putStateDict(prefix, this.#weights);
    await this.#store.deletePrefix(policyVersionPrefix(version - 1));
    return prefix;
  });

  /** A copy of everything between two arrays of this process, for comparison. */
  readonly memcpyMs = endpoint((): number => {
    const source = bytesOf(this.#weights['model.embed_tokens.weight']!);
    const target = new Uint8Array(source.length).fill(1);
    const bytes = Object.values(this.#weights).reduce((sum, { data }) => sum + data.byteLength, 0);
    const start = performance.now();
    target.set(source);
    return ((performance.now() - start) * bytes) / source.length;
  });

  override async cleanup(): Promise<void> {
    await this.#publisher[Symbol.asyncDispose]();
    await this.#store[Symbol.asyncDispose]();
  }
}

/** A generator as the store sees it. */
export class SyncReader extends Actor {
  static readonly module: string = import.meta.url;
  readonly #store: Store;
  #weights: LoadedStateDict | undefined;

  constructor(reference: StoreReference) {
    super();
    this.#store = attachStore(reference);
  }

  readonly pid = endpoint(() => process.pid);

  /** Takes what lies under a prefix; returns the number that all of its last elements have. */
  readonly sync = endpoint(async (prefix: string, copies: boolean): Promise<number> => {
    const weights = copies
      ? await this.#store.getStateDict(prefix, this.#weights === undefined ? {} : { into: this.#weights as StateDict })
      : await this.#store.getStateDict(prefix, { mapped: true });
    if (!copies) releaseViews(this.#weights);
    this.#weights = weights;
    const seen = new Set(Object.values(weights).map((each) => (each as Tensor<'float32'>).data.at(-1)));
    if (seen.size !== 1) throw new Error(`A reader sees a mixture of ${[...seen].join(', ')}.`);
    return [...seen][0]!;
  });

  override async cleanup(): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }
}
