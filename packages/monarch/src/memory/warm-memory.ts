import { encode, type Payload } from '../wire/codec.ts';
import { freshBytes, LARGE_BYTES } from './fresh-bytes.ts';

/** Kept at most while nobody uses it, and for so long. */
const MAX_IDLE_BYTES = 256 * 2 ** 20;
const IDLE_MS = 10_000;
/** Memory much larger than what it holds would be of more use to others. */
const MAX_WASTE = 2;

/** Memory for large copies that are sent: written again once they have arrived, since to take it anew costs as much as the copy. */
export class WarmMemory {
  /** The one used last comes last: it is the warmest. */
  readonly #idle: { readonly memory: ArrayBuffer; readonly sinceMs: number }[] = [];
  #sweeper: NodeJS.Timeout | undefined;

  /** A copy of large bytes, for {@link giveBack} or for nobody: what is not given back is collected. `undefined`: they are not large. */
  copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
    if (bytes.length < LARGE_BYTES) return undefined;
    const fits = ({ memory: { byteLength } }: { readonly memory: ArrayBuffer }) =>
      byteLength >= bytes.length && byteLength <= bytes.length * MAX_WASTE;
    const at = this.#idle.findLastIndex(fits);
    const [found] = at < 0 ? [] : this.#idle.splice(at, 1);
    const copy = new Uint8Array(found?.memory ?? freshBytes(bytes.length).buffer, 0, bytes.length);
    copy.set(bytes);
    return copy;
  }

  /** The same as `encode`, for one receiver that tells of its arrival: then the memory of large copies is written again. */
  encode(value: unknown, transfer: readonly ArrayBuffer[]): Payload {
    const copies: Uint8Array<ArrayBuffer>[] = [];
    const snapshot = (bytes: Uint8Array) => {
      const copy = this.copyOf(bytes);
      if (copy !== undefined) copies.push(copy);
      return copy;
    };
    const payload = encode(value, { transfer, snapshot });
    if (copies.length === 0) return payload;
    const onArrived = () => {
      for (const copy of copies.splice(0)) this.giveBack(copy);
    };
    return { ...payload, onArrived };
  }

  /** Nobody reads a copy any more. */
  giveBack({ buffer: memory }: Uint8Array<ArrayBuffer>): void {
    this.#idle.push({ memory, sinceMs: performance.now() });
    let bytes = this.#idle.reduce((sum, idle) => sum + idle.memory.byteLength, 0);
    while (bytes > MAX_IDLE_BYTES) bytes -= this.#idle.shift()?.memory.byteLength ?? bytes;
    this.#sweepLater();
  }

  /** One timer while there is anything idle; it does not keep the process running. */
  #sweepLater(): void {
    if (this.#idle.length === 0) return;
    this.#sweeper ??= setTimeout(() => {
      this.#sweeper = undefined;
      const untilMs = performance.now() - IDLE_MS;
      while ((this.#idle[0]?.sinceMs ?? Number.POSITIVE_INFINITY) <= untilMs) this.#idle.shift();
      this.#sweepLater();
    }, IDLE_MS).unref();
  }
}
