import { GpusUnavailableError, ServiceOptionsError } from '../errors.ts';

const GPU_ID = /^(?:\d+|(?:GPU|MIG)-[\w/-]+)$/;

/**
 * The GPUs that a value of CUDA_VISIBLE_DEVICES names, once each and in order. As CUDA reads it: an empty list names
 * none, and `-1` ends the list. Unset names none, because nothing else says how many there are.
 *
 * @throws {ServiceOptionsError} when an entry is no GPU.
 */
export function visibleGpus(visibleDevices: string | undefined): readonly string[] {
  const entries = (visibleDevices ?? '').split(',').map((entry) => entry.trim());
  if (entries.length === 1 && entries[0] === '') return [];
  const end = entries.indexOf('-1');
  const ids = end < 0 ? entries : entries.slice(0, end);
  for (const id of ids) {
    if (!GPU_ID.test(id)) {
      throw new ServiceOptionsError(
        'CUDA_VISIBLE_DEVICES',
        visibleDevices,
        'List numbers or GPU- ids with commas between.',
      );
    }
  }
  return [...new Set(ids)];
}

/** GPUs that nobody else has until they are released. */
export interface GpuLease {
  readonly ids: readonly string[];
  /** Gives them back; once. */
  release(): void;
}

/** A set of GPUs, each of which has one holder at a time. */
export class GpuPool {
  readonly #ids: readonly string[];
  readonly #taken = new Set<string>();

  constructor(ids: readonly string[]) {
    this.#ids = [...new Set(ids)];
  }

  get size(): number {
    return this.#ids.length;
  }

  get free(): readonly string[] {
    return this.#ids.filter((id) => !this.#taken.has(id));
  }

  /**
   * The first `count` free GPUs.
   *
   * @throws {GpusUnavailableError} when fewer are free.
   */
  take(count: number): GpuLease {
    const { free } = this;
    if (free.length < count) throw new GpusUnavailableError(count, free, this.#ids.length);
    const ids = free.slice(0, count);
    for (const id of ids) this.#taken.add(id);
    let isHeld = true;
    return {
      ids,
      release: () => {
        if (isHeld) for (const id of ids) this.#taken.delete(id);
        isHeld = false;
      },
    };
  }
}

let pool: GpuPool | undefined;

/** The GPUs of this process by CUDA_VISIBLE_DEVICES: one pool, so that two services never share a GPU. */
export function processGpus(): GpuPool {
  pool ??= new GpuPool(visibleGpus(process.env['CUDA_VISIBLE_DEVICES']));
  return pool;
}
