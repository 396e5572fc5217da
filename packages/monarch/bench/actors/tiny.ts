import { Actor, endpoint } from '@forge/monarch';

/** The smallest actor that keeps something. */
export class Tiny extends Actor {
  static readonly module: string = import.meta.url;
  #value = 0;

  readonly add = endpoint((by: number) => {
    this.#value += by;
    return this.#value;
  });
}

/** Says how much memory its process uses. */
export class Gauge extends Actor {
  static readonly module: string = import.meta.url;

  readonly bytes = endpoint(async () => await usedBytes());
}

/** Heap and external memory of this process after a collection. Needs `--expose-gc`. */
export async function usedBytes(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
