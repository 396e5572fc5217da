import { setTimeout } from 'node:timers/promises';

/** How long to wait before the next try to connect again. */
const retryMs = 50;

/** The leases of one client: it takes them over into a new connection when the old one is cut. */
export class LeaseKeeper implements Disposable {
  readonly #reconnectMs: number;
  readonly #adopt: (leases: readonly number[]) => Promise<readonly number[]>;
  readonly #held = new Map<number, string>();
  #isReconnecting = false;

  /**
   * @param reconnectMs how long the store waits for this client to come back
   * @param adopt registers leases with a new connection; returns those that have ended
   */
  constructor(reconnectMs: number, adopt: (leases: readonly number[]) => Promise<readonly number[]>) {
    this.#reconnectMs = reconnectMs;
    this.#adopt = adopt;
  }

  add(lease: number, name: string): void {
    this.#held.set(lease, name);
  }

  delete(lease: number): void {
    this.#held.delete(lease);
  }

  /** Whether a lease is held, as far as this client knows. */
  has(lease: number): boolean {
    return this.#held.has(lease);
  }

  /** Connects again for the sake of the leases, until it is done or too late. */
  async reconnect(): Promise<void> {
    if (this.#isReconnecting) return;
    this.#isReconnecting = true;
    const deadline = performance.now() + this.#reconnectMs;
    while (this.#held.size > 0) {
      try {
        for (const ended of await this.#adopt([...this.#held.keys()])) this.#held.delete(ended);
        break;
      } catch {
        if (performance.now() > deadline)
          this.#held.clear(); // the store has given up on them too
        else await setTimeout(retryMs, undefined, { ref: false });
      }
    }
    this.#isReconnecting = false;
  }

  [Symbol.dispose](): void {
    this.#held.clear();
  }
}
