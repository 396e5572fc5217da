import type { SettledMetrics } from '@forge/observability';
import type { Sequence } from '@forge/trainer';
import type { FrozenService } from '../parts.ts';

/** A model that does not learn and scores what others sampled. Disposing it stops its processes. */
export class FrozenModel implements AsyncDisposable {
  readonly #start: (folder: string) => Promise<FrozenService>;
  /** Of the service of now. */
  readonly #calls = new Set<Promise<unknown>>();
  #service: FrozenService;
  #folder: string;

  private constructor(start: (folder: string) => Promise<FrozenService>, folder: string, service: FrozenService) {
    this.#start = start;
    this.#folder = folder;
    this.#service = service;
  }

  /** @param folder - a Hugging Face folder; replicas that are lost start again from it. */
  static async open(start: (folder: string) => Promise<FrozenService>, folder: string): Promise<FrozenModel> {
    return new FrozenModel(start, folder, await start(folder));
  }

  get folder(): string {
    return this.#folder;
  }

  /** Log-probability of every token of each sequence. */
  async score(sequences: readonly Sequence[], signal: AbortSignal): Promise<readonly Float32Array[]> {
    const call = this.#service.forward.with({ signal }).route(sequences);
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#calls.delete(call);
    }
  }

  /** Goes on with the weights of another folder; calls that are under way end with those of before. */
  async changeTo(folder: string): Promise<void> {
    const service = await this.#start(folder);
    const before = { service: this.#service, calls: [...this.#calls] };
    this.#calls.clear();
    this.#service = service;
    this.#folder = folder;
    await Promise.allSettled(before.calls);
    await before.service[Symbol.asyncDispose]();
  }

  /** What its processes recorded since the last time. */
  drainMetrics(): PromiseLike<Iterable<SettledMetrics>> {
    return this.#service.drainMetrics.fanoutSettled();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service[Symbol.asyncDispose]();
  }
}
