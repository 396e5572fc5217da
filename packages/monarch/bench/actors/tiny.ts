import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
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

/** The same without an actor. */
class Plain {
  #value = 0;
  readonly add = async (by: number) => {
    this.#value += by;
    return this.#value;
  };
}

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** Says how much memory its process uses. */
export class Gauge extends Actor {
  static readonly module: string = import.meta.url;

  /** Of the heap and beside it, in bytes, after a collection. */
  readonly bytes = endpoint(async () => {
    // Collected in several turns, between which weak references and finalizers are seen to.
    for (let i = 0; i < 4; i++) {
      collect();
      await new Promise(setImmediate);
    }
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  });
  readonly pid = endpoint(() => process.pid);
  /** Bytes of one plain object of many. */
  readonly plain = endpoint(async (count: number) => {
    const before = await this.bytes();
    const kept = Array.from({ length: count }, () => new Plain());
    const bytes = (await this.bytes()) - before;
    return bytes / kept.length;
  });
}
